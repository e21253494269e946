issuer {
  url         = "https://auth.example.com/"
  error_style = "Auth0" # ERROR invalid-value
  environment = "a b" # ERROR invalid-value
}

api "orders" {
  name           = "<b>Orders</b>" # ERROR invalid-value
  identifier     = "https://api.example.com/orders"
  token_profile  = "rfc9086" # ERROR invalid-value
  signing_alg    = "none" # ERROR invalid-value
  signing_secret = "env:1ST" # ERROR invalid-value
  distinct_from  = [api.other, api.other] # ERROR invalid-value
}

api "other" {
  identifier = "https://api.example.com/other"
}

client "billing" {
  grant_types = ["client_credentials", "password"] # ERROR invalid-value
  rate_limit  = 0 # ERROR invalid-value

  public_key "k" {
    jwks = "{}" # ERROR invalid-key
    pem  = "x" # ERROR invalid-value ERROR invalid-key
  }
  certificate "c" {
    san_dns = "*.example.com" # ERROR invalid-value
  }
  federated "f" {
    trusted_issuer  = trusted_issuer.cluster
    subject_pattern = "exact" # ERROR invalid-value
  }
}

authorization "a" {
  client         = client.billing
  api            = api.orders
  scopes         = []
  subject_claims = { groups = "finance" } # ERROR invalid-value
  copy_claims    = ["email"]
}

trusted_issuer "cluster" {
  issuer     = "https://kubernetes.default.svc"
  jwks_uri   = "http://kubernetes.default.svc/jwks" # ERROR invalid-value
  algorithms = ["HS256"] # ERROR invalid-value
}

policy "p" {
  for_each_of   = "apis" # ERROR invalid-value
  condition     = true
  error_message = "no"
}

trusted_issuer "nobody" {
  issuer      = "https://kubernetes.default.svc"
  jwks_uri    = "https://kubernetes.default.svc/jwks"
  algorithms  = [] # ERROR invalid-value
  audiences   = [] # ERROR invalid-value
  vouches_for = [] # ERROR invalid-value
}
