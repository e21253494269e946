api "orders" {
  identifier = "https://api.example.com/orders"
}

client "portal" {
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
}

authorization "portal" {
  client       = client.portal
  api          = api.orders
  subject_type = "user"
  scopes       = []
  copy_claims = [
    "email",
    "groups",
    "auth_time",
    "sub",        # ERROR reserved-claim
    "given name", # ERROR invalid-claim
    "scp",        # ERROR reserved-claim
    "Authorities", # ERROR reserved-claim
    "realm_access", # ERROR reserved-claim
  ]
}
