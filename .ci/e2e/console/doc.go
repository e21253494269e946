// Package console drives the console in a browser, as a person does. It is a
// module of its own: the browser's protocol would weigh too much in the
// product's.
package console
