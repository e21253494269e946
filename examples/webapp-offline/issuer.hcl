# The authorization server. Everything in this walk-through runs on your machine.

issuer {
  url = "http://127.0.0.1:8080/"
}

# writ keeps no users. They sign in elsewhere, here at the stand-in for an OpenID
# provider that the program in app/ serves. In earnest these are your provider's
# issuer and jwks_uri, as its /.well-known/openid-configuration says them.

trusted_issuer "login" {
  issuer      = "http://127.0.0.1:8090/"
  jwks_uri    = "http://127.0.0.1:8090/jwks.json"
  algorithms  = ["RS256"]
  audiences   = ["webapp"] # the web app's client id there, which is the aud of its ID tokens
  vouches_for = ["user"]
}
