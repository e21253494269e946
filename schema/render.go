package schema

// Markdown renders the language as a reference page.
func Markdown() string { return "" }

// JSON renders the language for machines.
func JSON() ([]byte, error) { return nil, nil }
