package server

import "github.com/writ-auth/writ/schema/snapshot"

// clientCredentials is the grant of a client on its own behalf (RFC 6749 section
// 4.4). It remembers nothing.
type clientCredentials struct{}

func (clientCredentials) decide(x *exchange, client snapshot.Client) *Error { return x.decide(client) }
