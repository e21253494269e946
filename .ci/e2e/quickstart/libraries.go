// Package libraries pins what the Go quickstarts import: the tests build them
// with this module's go.mod and go.sum.
package libraries

import (
	_ "github.com/MicahParks/keyfunc/v3"
	_ "github.com/auth0/go-jwt-middleware/v2"
	_ "github.com/auth0/go-jwt-middleware/v2/jwks"
	_ "github.com/auth0/go-jwt-middleware/v2/validator"
	_ "github.com/coreos/go-oidc/v3/oidc"
	_ "github.com/golang-jwt/jwt/v5"
	_ "github.com/modelcontextprotocol/go-sdk/auth"
	_ "github.com/modelcontextprotocol/go-sdk/jsonrpc"
	_ "github.com/modelcontextprotocol/go-sdk/mcp"
	_ "github.com/modelcontextprotocol/go-sdk/oauthex"
	_ "golang.org/x/oauth2/clientcredentials"
)
