// Package server issues tokens over HTTP from a compiled snapshot.
//
// It owns the endpoints, the decision who gets what, the errors and their
// wording, the activation of a snapshot, and the audit line of every decision.
// One snapshot is in force at a time, behind one pointer that a request takes
// once. Making the JWT is package server/token's, finding out who asks is
// package server/clientauth's, noticing a new file is package server/watch's.
// It knows no HCL: what it serves was compiled before.
//
// A request passes these stages, each in a file of its own:
//
//	token_endpoint.go   read, answer
//	form.go, json.go    body bytes to parameters, strictly
//	server/clientauth   who is asking
//	grants.go           by which grant type: decide, sign, remember
//	decide.go, user.go  may they, and what will the token say
//	family.go           what is remembered of a refresh token
//	server/token        the token
//	audit.go            what is remembered of it
package server
