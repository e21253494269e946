authorization "a" {
  client = client.billing
  api    = api.orders
  scopes = "read" # ERROR wrong-type
}
