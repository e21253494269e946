package diag

// Sorted returns the list by file, position and code, without duplicates.
// Diagnostics without a place come first.
func (l List) Sorted() List { return l }
