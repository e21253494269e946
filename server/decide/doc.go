// Package decide says who may have which token: the one place where a request is
// granted or refused.
//
// It owns the rules between a configuration, a request and a time, with the OAuth
// error code and the exact reason of each refusal. The token endpoint, the
// introspection of a token, the console, "writ check" and "writ explain" all ask a
// [Decider], so that they cannot differ.
//
// It is pure: it reads no request, no store, no clock and no random source, and
// verifies no signature. Those who ask it bring what such things have shown: package
// server from HTTP, from the tokens that it has verified and from the record of a
// refresh token; the workbench from what somebody types. What only a running server
// knows stays there: malformed forms, rate limits, keys and secrets that cannot be
// read, a store that is down.
package decide
