expect "billing reads orders" {
  client   = "billing"
  api      = "https://api.example.com/orders"
  scopes   = ["read:orders"]
  at       = "2026-12-01T00:00:00Z"
  granted  = true
  scope    = "read:orders"
  lifetime = 600
  claims   = { "https://example.com/team" = "payments" }
}

expect "billing may not write" {
  client  = "billing"
  api     = "https://api.example.com/orders"
  scopes  = ["write:orders"]
  granted = false
  error   = "invalid_scope"
}
