// An OpenID provider at which users sign in with a browser: panva's oidc-provider with its own pages for login and consent.
//
//   node provider.mjs REDIRECT_URI CLIENT_ID:ALG...
//
// Each client gets ID tokens signed with its ALG. Prints {"issuer", "keys": {ALG: private key as PEM}} as JSON, so that the
// caller can make ID tokens that the provider would not, and serves until its standard input ends. Any user name signs in;
// a name says which groups the user is in: "alice.staff.admins".
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const [redirectURI, ...clients] = process.argv.slice(2)

console.info = console.warn = () => {} // it says on standard output that it is meant for production with care

const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}
const keys = Object.entries(pairs).map(([alg, { privateKey }]) => ({ ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg.toLowerCase() }))

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  jwks: { keys },
  clients: clients.map(client => client.split(':')).map(([id, alg]) => ({
    client_id: id, client_secret: `secret of ${id}`, redirect_uris: [redirectURI], id_token_signed_response_alg: alg,
  })),
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email'], groups: ['groups'] },
  scopes: ['openid'],
  conformIdTokenClaims: false, // what a scope stands for is in the ID token, and not only at the userinfo endpoint
  cookies: { keys: ['of one test run'] },
  findAccount: (ctx, id) => {
    const [name, ...groups] = id.split('.')
    return { accountId: id, claims: () => ({ sub: id, email: `${name}@example.com`, groups }) }
  },
})
server.on('request', provider.callback())
const pem = ({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' })
console.log(JSON.stringify({ issuer, keys: Object.fromEntries(Object.entries(pairs).map(([alg, pair]) => [alg, pem(pair)])) }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
