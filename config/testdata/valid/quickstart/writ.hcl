issuer {
  url = "http://localhost:8080/"
}

api "orders" {
  identifier = "https://api.example.com/orders"

  scope "read:orders"  { description = "Read orders" }
  scope "write:orders" { description = "Change orders" }
}

client "billing" {
  secret "a" {
    hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
  }
}

authorization "billing-reads-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
