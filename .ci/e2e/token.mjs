// Gets a token from a running server as strangers do and verifies it as strangers do.
//
//   node token.mjs ISSUER CLIENT_ID CLIENT_SECRET AUDIENCE PROFILE ALG
//
// ISSUER is on loopback. Prints the verified claims as JSON; any refusal ends it with exit code 1.
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const [issuer, clientId, clientSecret, audience, profile, alg] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }

function check(ok, what) {
  if (!ok) throw new Error(what)
}

// oauth4webapi: discovery both ways, Basic authentication, strict response checks.
const url = new URL(issuer)
for (const algorithm of ['oidc', 'oauth2']) {
  const response = await oauth.discoveryRequest(url, { algorithm, ...insecure })
  const as = await oauth.processDiscoveryResponse(url, response)
  check(as.token_endpoint, `${algorithm} metadata has no token_endpoint`)
}
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }))
const c = { client_id: clientId }
const granted = await oauth.processClientCredentialsResponse(as, c,
  await oauth.clientCredentialsGrantRequest(as, c, oauth.ClientSecretBasic(clientSecret), { audience }, insecure))
check(/^bearer$/i.test(granted.token_type), `token_type ${granted.token_type}`)

// A wrong secret is refused in words that the library understands.
try {
  await oauth.processClientCredentialsResponse(as, c,
    await oauth.clientCredentialsGrantRequest(as, c, oauth.ClientSecretPost(clientSecret + 'x'), { audience }, insecure))
  check(false, 'a wrong secret was accepted')
} catch (e) {
  check(e.error === 'invalid_client' || e.cause?.[0]?.parameters?.error === 'invalid_client' || e instanceof oauth.WWWAuthenticateChallengeError, `wrong secret: ${e}`)
}

// openid-client: its own discovery and its default authentication, the secret in the body.
const config = await client.discovery(url, clientId, clientSecret, undefined, { execute: [client.allowInsecureRequests] })
const second = await client.clientCredentialsGrant(config, { audience })

// jose: the signature by the published keys, issuer, audience, type and algorithm pinned.
const jwks = jose.createRemoteJWKSet(new URL(as.jwks_uri))
const typ = profile === 'rfc9068' ? 'at+jwt' : 'JWT'
let claims
for (const token of [granted.access_token, second.access_token]) {
  const { payload } = await jose.jwtVerify(token, jwks, { issuer: as.issuer, audience, typ, algorithms: [alg], requiredClaims: ['exp', 'iat', 'sub'] })
  claims = payload
}

// oauth4webapi as a resource server accepts RFC 9068 tokens only.
if (profile === 'rfc9068') {
  const request = new Request(audience, { headers: { authorization: `Bearer ${granted.access_token}` } })
  await oauth.validateJwtAccessToken(as, request, audience, { ...insecure, signingAlgorithms: [alg] })
}
console.log(JSON.stringify(claims))
