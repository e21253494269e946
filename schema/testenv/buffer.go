package testenv

import (
	"bytes"
	"sync"
)

// A Buffer holds what a program prints. It may be read while the program runs.
type Buffer struct {
	mu      sync.Mutex
	printed bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.printed.Write(p)
}

// String is what has been printed until now.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.printed.String()
}
