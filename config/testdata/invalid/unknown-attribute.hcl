region = "eu" # ERROR unknown-attribute

api "orders" {
  identifer  = "https://api.example.com/v1" # ERROR unknown-attribute
  identifier = "https://api.example.com/orders"
  scope      = ["read:orders"] # ERROR unknown-attribute
}

client "billing" {
  secret "a" {
    hash   = "env:BILLING_HASH"
    expiry = "2027-01-01T00:00:00Z" # ERROR unknown-attribute
  }
}

trusted_issuer "cluster" {
  for_each = toset(["eu"]) # ERROR unknown-attribute
  issuer   = "https://kubernetes.default.svc"
  jwks_uri = "https://kubernetes.default.svc/openid/v1/jwks"
}
