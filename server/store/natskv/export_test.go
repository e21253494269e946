package natskv

import "time"

// SetMargin lets a test see the server remove what has expired.
func SetMargin(n *Store, margin time.Duration) { n.margin = margin }
