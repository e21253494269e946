//go:build race

package testenv

// RaceDetector reports whether the tests run under the race detector. What has one
// goroutine, or another program, is not worth running ten times slower there.
const RaceDetector = true
