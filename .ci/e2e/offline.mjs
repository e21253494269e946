// Acts on behalf of a user at a running server, as a web application does: trades the user's ID token for an access token and
// a refresh token, refreshes, and gives the access back.
//
//   node offline.mjs ISSUER CLIENT_ID CLIENT_SECRET AUDIENCE ALG  < ID token
//
// ISSUER is on loopback. Prints the verified claims of every access token as a line of JSON; any answer that is not expected
// ends it with exit code 1.
import { readFileSync } from 'node:fs'
import * as jose from 'jose'
import * as client from 'openid-client'

const [issuer, clientId, clientSecret, audience, alg] = process.argv.slice(2)
const idToken = readFileSync(0, 'utf8').trim()
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

function check(ok, what) {
  if (!ok) throw new Error(what)
}

const config = await client.discovery(new URL(issuer), clientId, clientSecret, client.ClientSecretBasic(clientSecret), { execute: [client.allowInsecureRequests] })
const metadata = config.serverMetadata()
for (const grant of [exchange, 'refresh_token']) check(metadata.grant_types_supported.includes(grant), `${grant} is not advertised`)
check(metadata.revocation_endpoint, 'no revocation_endpoint')

const jwks = jose.createRemoteJWKSet(new URL(metadata.jwks_uri))
async function verified(answer) {
  const { payload } = await jose.jwtVerify(answer.access_token, jwks, {
    issuer: metadata.issuer, audience, typ: 'at+jwt', algorithms: [alg], requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
  })
  check(answer.expiresIn() > 0 && answer.token_type === 'bearer', `token_type ${answer.token_type}, expires in ${answer.expiresIn()}`)
  console.log(JSON.stringify(payload))
  return payload
}

const signIn = async (scope, extra) => client.genericGrantRequest(config, exchange, {
  subject_token: idToken, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token', resource: audience, scope, ...extra,
})
const refused = async (refreshToken, what) => {
  const error = await client.refreshTokenGrant(config, refreshToken).then(() => undefined, e => e)
  check(error instanceof client.ResponseBodyError, `${what}: ${error ?? 'accepted'}`)
  check(error.status === 400 && error.error === 'invalid_grant', `${what}: ${error.status} ${error.error}`)
}

// Without offline_access there is an access token and nothing to refresh.
const online = await signIn('read:notes')
check(online.refresh_token === undefined, 'a refresh token that was not asked for')
check(online.issued_token_type === 'urn:ietf:params:oauth:token-type:access_token', `issued_token_type ${online.issued_token_type}`)
check((await verified(online)).scope === 'read:notes', 'scope of what is online')

// With it, each use of a refresh token gives the next.
let latest = await signIn('read:notes write:notes offline_access', { requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' })
const { sub } = await verified(latest)
const seen = new Set([latest.refresh_token])
for (let round = 1; round <= 3; round++) {
  latest = await client.refreshTokenGrant(config, latest.refresh_token)
  check((await verified(latest)).sub === sub, 'sub after a refresh')
  check(!seen.has(latest.refresh_token), 'a refresh token came twice')
  seen.add(latest.refresh_token)
}

// A narrower access token leaves the grant as wide as it was.
const narrow = await client.refreshTokenGrant(config, latest.refresh_token, { scope: 'read:notes' })
check((await verified(narrow)).scope === 'read:notes', 'narrowed scope')
latest = await client.refreshTokenGrant(config, narrow.refresh_token)
check((await verified(latest)).scope === 'read:notes write:notes', `scope ${latest.scope} after it was narrowed once`)

// One that was used comes back: whoever holds the successor is out too.
await refused([...seen][0], 'a replayed refresh token')
await refused(latest.refresh_token, 'the successor of a replayed refresh token')

// Other families of the same user go on, until they are revoked.
const second = await signIn('read:notes offline_access')
const third = await client.refreshTokenGrant(config, (await signIn('read:notes offline_access')).refresh_token)
await client.tokenRevocation(config, second.refresh_token)
await client.tokenRevocation(config, second.refresh_token) // RFC 7009 section 2.2: revoked before is fine
await refused(second.refresh_token, 'a revoked refresh token')
await verified(await client.refreshTokenGrant(config, third.refresh_token))
