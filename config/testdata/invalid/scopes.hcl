api "orders" {
  identifier = "https://api.example.com/orders"

  scope "read orders" {} # ERROR invalid-scope
  scope "read\"orders" {} # ERROR invalid-scope
  scope "" {} # ERROR invalid-scope
  scope "openid" {} # ERROR reserved-scope
  scope "offline_access" {} # ERROR reserved-scope
  scope "read:orders" {}
  scope "read:orders" {} # ERROR duplicate-scope
}

authorization "twice" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders", "read:orders"] # ERROR duplicate-scope
}

client "billing" {}
