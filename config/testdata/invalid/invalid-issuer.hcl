issuer {
  url = "http://auth.example.com/" # ERROR invalid-issuer
}

trusted_issuer "relative" {
  issuer   = "kubernetes.default.svc" # ERROR invalid-issuer
  jwks_uri = "https://kubernetes.default.svc/openid/v1/jwks"
}

trusted_issuer "query" {
  issuer   = "https://login.example.com/?tenant=1" # ERROR invalid-issuer
  jwks_uri = "https://login.example.com/jwks"
}
