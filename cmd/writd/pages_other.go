//go:build !linux

package main

// forgetPages does nothing: the kernel is not told.
func forgetPages() {}
