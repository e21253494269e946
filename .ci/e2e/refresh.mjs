// Refreshes and revokes at a running server with further libraries.
//
//   node refresh.mjs ISSUER CLIENT_ID CLIENT_SECRET  < refresh tokens, one a line and each of another family
//
// ISSUER is on loopback. One line of JSON is printed for each library: {"library", "outcome"}, where the outcome is "ok" or
// says why not.
import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import { AuthorizationCode } from 'simple-oauth2'

const [issuer, clientId, clientSecret] = process.argv.slice(2)
const families = readFileSync(0, 'utf8').trim().split('\n')
const metadata = await (await fetch(new URL('.well-known/oauth-authorization-server', issuer))).json()

async function attempt(library, f) {
  let outcome = 'ok'
  try {
    await f(families.shift())
  } catch (e) {
    outcome = String(e.message ?? e).split('\n')[0]
  }
  console.log(JSON.stringify({ library, outcome }))
}

function check(ok, what) {
  if (!ok) throw new Error(what)
}

// Twice on, once back.
async function walk(refreshToken, refresh, revoke, code) {
  const second = await refresh(refreshToken)
  const third = await refresh(second)
  check(new Set([refreshToken, second, third]).size === 3, 'a refresh token came twice')
  await revoke(third)
  const refused = await refresh(third).then(() => 'accepted', code)
  check(refused === 'invalid_grant', `after the revocation: ${refused}`)
}

for (const authorizationMethod of ['header', 'body']) {
  await attempt(`simple-oauth2 ${authorizationMethod}`, async first => {
    const endpoint = new URL(metadata.token_endpoint)
    const client = new AuthorizationCode({
      client: { id: clientId, secret: clientSecret },
      auth: { tokenHost: endpoint.origin, tokenPath: endpoint.pathname, revokePath: new URL(metadata.revocation_endpoint).pathname },
      options: { authorizationMethod },
    })
    const held = refreshToken => client.createToken({ refresh_token: refreshToken })
    await walk(first, async token => (await held(token).refresh()).token.refresh_token, token => held(token).revoke('refresh_token'),
      e => e.data?.payload?.error ?? e)
  })
}

for (const authenticate of [oauth.ClientSecretBasic, oauth.ClientSecretPost]) {
  await attempt(`oauth4webapi ${authenticate.name}`, async first => {
    const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true }))
    const [client, auth, options] = [{ client_id: clientId }, authenticate(clientSecret), { [oauth.allowInsecureRequests]: true }]
    await walk(first,
      async token => (await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, token, options))).refresh_token,
      async token => oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, options)),
      e => e.error ?? e)
  })
}
