# What must stay true, whatever else changes. Run by "writ check".

expect "billing reads orders" {
  client  = "billing"
  api     = "https://api.example.com/orders"
  granted = true
  scope   = "read:orders"
}

expect "billing may not write orders" {
  client  = "billing"
  api     = "https://api.example.com/orders"
  scopes  = ["write:orders"]
  granted = false
  error   = "invalid_scope"
}
