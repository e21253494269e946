// Authenticates at a running server with keys, as strangers do, and binds tokens to a key.
//
//   node credentials.mjs ISSUER CLIENT_ID AUDIENCE ALG NONCE  < private key as JWK
//
// ISSUER is on loopback; NONCE is "nonce" where the server demands one in proofs. Prints the
// claims of the bound token as JSON; any refusal that is not expected ends it with exit code 1.
import { readFileSync } from 'node:fs'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const [issuer, clientId, audience, alg, nonce] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
const jwk = JSON.parse(readFileSync(0, 'utf8'))
const key = await jose.importJWK(jwk, alg)

function check(ok, what) {
  if (!ok) throw new Error(what)
}

const url = new URL(issuer)
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }))
check(as.token_endpoint_auth_methods_supported.includes('private_key_jwt'), 'private_key_jwt is not advertised')
check(as.token_endpoint_auth_signing_alg_values_supported.includes(alg), `${alg} is not advertised`)
check(as.dpop_signing_alg_values_supported.includes(alg), `${alg} is not advertised for proofs`)

// oauth4webapi: an assertion, then the same with a proof; a nonce where the server wants one.
const c = { client_id: clientId }
const auth = oauth.PrivateKeyJwt({ key, kid: jwk.kid })
const bearer = await oauth.processClientCredentialsResponse(as, c, await oauth.clientCredentialsGrantRequest(as, c, auth, { audience }, insecure))
check(bearer.token_type === 'bearer', `token_type ${bearer.token_type}`)

const pair = await oauth.generateKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg, { extractable: true })
const DPoP = oauth.DPoP(c, pair)
const bind = async () => oauth.processClientCredentialsResponse(as, c,
  await oauth.clientCredentialsGrantRequest(as, c, auth, { audience }, { DPoP, ...insecure }))
let bound, demanded = false
try {
  bound = await bind()
} catch (e) {
  if (!oauth.isDPoPNonceError(e)) throw e
  demanded = true
  bound = await bind()
}
check(demanded === (nonce === 'nonce'), `a nonce was ${demanded ? '' : 'not '}demanded`)
check(bound.token_type === 'dpop', `token_type ${bound.token_type}`)

// openid-client does both by itself.
const config = await client.discovery(url, clientId, undefined, client.PrivateKeyJwt({ key, kid: jwk.kid }), { execute: [client.allowInsecureRequests] })
const second = await client.clientCredentialsGrant(config, { audience }, { DPoP: client.getDPoPHandle(config, pair) })
check(second.token_type === 'dpop', `openid-client: token_type ${second.token_type}`)

// jose computes the thumbprint; oauth4webapi as a resource server takes the token with a proof.
const jwks = jose.createRemoteJWKSet(new URL(as.jwks_uri))
const jkt = await jose.calculateJwkThumbprint(await jose.exportJWK(pair.publicKey))
let claims
for (const token of [bound.access_token, second.access_token]) {
  const { payload } = await jose.jwtVerify(token, jwks, { issuer: as.issuer, audience, typ: 'at+jwt', requiredClaims: ['cnf'] })
  check(payload.cnf.jkt === jkt, `cnf ${JSON.stringify(payload.cnf)}, the key's thumbprint is ${jkt}`)
  claims = payload
}
let sent
await oauth.protectedResourceRequest(bound.access_token, 'GET', new URL(audience), new Headers(), null, {
  DPoP, [oauth.customFetch]: async (u, init) => { sent = new Request(u, init); return new Response() },
})
await oauth.validateJwtAccessToken(as, sent, audience, { ...insecure, requireDPoP: true })
console.log(JSON.stringify(claims))
