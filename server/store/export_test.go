//go:build nats

package store

import "time"

// SetNATSMargin lets a test see the server remove what has expired.
func SetNATSMargin(n *NATS, margin time.Duration) { n.margin = margin }
