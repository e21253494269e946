// Package quickstart owns the code that people paste: for each language and
// gateway a complete small resource server that checks one API's tokens, for some
// languages an MCP server that does, and for clients the request that gets a token
// (requests) and a program that keeps and replaces it (callers).
//
// A resource server is two files where the language allows it: the guard, which an API of
// one's own takes over, and a demo around it. What the targets of a language share is in
// parts.
//
// Each target is one file in targets: front matter that says which algorithms
// and profiles it refuses and why, which library and version, how to run it and
// which test runs it; then its files as templates. Every value that comes from
// a configuration goes through the escaping of the language it stands in.
//
// A combination that a target cannot verify is refused with the reason and
// never printed. The package reads no configuration and serves nothing: that is
// done by cmd/writ and by the console. No code that makes tokens imports it.
package quickstart
