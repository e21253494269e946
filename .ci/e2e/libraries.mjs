// Uses a running server as an API's owner and as a client do, with libraries that know nothing of it.
//
//   NODE_EXTRA_CA_CERTS=ca.pem node libraries.mjs ISSUER CLIENT_ID CLIENT_SECRET
//
// The server has an API https://api.example.com/PROFILE/ALG for each profile and algorithm below. One line of
// JSON is printed for everything that is tried: {"library", "api", "outcome"}, where the outcome is "ok" or says
// why not. What is expected is the caller's business.
import { createServer } from 'node:http'
import { once } from 'node:events'
import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { JwtVerifier } from 'aws-jwt-verify'
import { ClientCredentials } from 'simple-oauth2'

const [issuer, clientId, clientSecret] = process.argv.slice(2)
const profiles = ['auth0', 'rfc9068']
const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']
const apis = profiles.flatMap(profile => algorithms.map(alg => `${profile}/${alg.toLowerCase()}`))
const audienceOf = api => `https://api.example.com/${api}`

async function attempt(library, api, f) {
  let outcome = 'ok'
  try {
    await f()
  } catch (e) {
    outcome = String(e.message ?? e).split('\n')[0]
  }
  console.log(JSON.stringify({ library, api, outcome }))
}

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${got}, want ${want}`)
}

// simple-oauth2, as a client, in each of its four ways to say the same.
const { token_endpoint, jwks_uri } = await (await fetch(new URL('.well-known/oauth-authorization-server', issuer))).json()
const endpoint = new URL(token_endpoint)
const clientOf = options => new ClientCredentials({
  client: { id: clientId, secret: clientSecret },
  auth: { tokenHost: endpoint.origin, tokenPath: endpoint.pathname },
  options,
})
const tokens = new Map()
for (const api of apis) {
  for (const authorizationMethod of ['header', 'body']) {
    for (const bodyFormat of ['form', 'json']) {
      await attempt(`simple-oauth2 ${authorizationMethod} ${bodyFormat}`, api, async () => {
        const granted = await clientOf({ authorizationMethod, bodyFormat }).getToken({ audience: audienceOf(api), scope: 'read:things' })
        equal(granted.token.scope, 'read:things', 'scope')
        equal(granted.expired(), false, 'expired')
        tokens.set(api, granted.token.access_token)
      })
    }
  }
}

// express-oauth2-jwt-bearer guards an API, with and without strict; its requiredScopes reads what was granted.
async function guarded(audience, strict, request) {
  const app = express()
  app.use(auth({ issuerBaseURL: issuer, audience, strict }))
  app.get('/read', requiredScopes('read:things'), (req, res) => res.json(req.auth.payload))
  app.get('/write', requiredScopes('write:things'), (req, res) => res.json(req.auth.payload))
  app.use((err, req, res, next) => res.status(err.status ?? 500).send(err.message))
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await request(`http://127.0.0.1:${server.address().port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

for (const api of apis) {
  const headers = { authorization: `Bearer ${tokens.get(api)}` }
  for (const strict of [false, true]) {
    await attempt(`express-oauth2-jwt-bearer strict ${strict}`, api, () => guarded(audienceOf(api), strict, async base => {
      const read = await fetch(`${base}/read`, { headers })
      equal(read.status, 200, `read: ${await read.text()}`)
      equal((await fetch(`${base}/write`, { headers })).status, 403, 'write')
      equal((await fetch(`${base}/read`)).status, 401, 'without a token')
    }))
  }
  await attempt('express-oauth2-jwt-bearer another audience', api, () => guarded(`${audienceOf(api)}/`, false, async base => {
    equal((await fetch(`${base}/read`, { headers })).status, 401, 'read')
  }))
}

// aws-jwt-verify; it fetches the keys itself.
for (const api of apis) {
  const verifier = audience => JwtVerifier.create({ issuer, audience, jwksUri: jwks_uri })
  await attempt('aws-jwt-verify', api, async () => {
    const claims = await verifier(audienceOf(api)).verify(tokens.get(api))
    equal(claims.sub, `${clientId}@clients`, 'sub')
  })
  await attempt('aws-jwt-verify another audience', api, async () => {
    const refused = await verifier(`${audienceOf(api)}/`).verify(tokens.get(api)).then(() => 'accepted', e => e.constructor.name)
    if (refused === 'accepted') throw new Error(refused)
  })
}
