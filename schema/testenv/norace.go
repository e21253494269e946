//go:build !race

package testenv

// RaceDetector reports whether the tests run under the race detector.
const RaceDetector = false
