// Another authorization server, to be asked what writd is asked: panva's oidc-provider, certified by the OpenID Foundation.
//
//   node peer.mjs CLIENT_ID CLIENT_SECRET RESOURCE
//
// Prints the address of its endpoints as JSON and serves until its standard input ends. It has two clients: one for
// client_credentials with the scopes read:things and write:things of RESOURCE, and "CLIENT_ID-idle" that may not.
import { createServer } from 'node:http'
import { once } from 'node:events'
import Provider, { errors } from 'oidc-provider'

const [clientId, clientSecret, resource] = process.argv.slice(2)
const scope = 'read:things write:things'
const client = { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' }

console.info = console.warn = () => {} // it says on standard output that it is meant for production with care

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: clientId, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope },
    { ...client, client_id: `${clientId}-idle`, grant_types: ['authorization_code'], redirect_uris: ['https://client.example.com/'] },
  ],
  scopes: scope.split(' '),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, indicator) {
        if (indicator !== resource) throw new errors.InvalidTarget()
        return { scope, audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
      },
    },
  },
})
server.on('request', provider.callback())
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
process.stdout.write(`${JSON.stringify(metadata)}\n`)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
