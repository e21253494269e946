# What must stay true of this tree, run by "writ check": no server needed.

expect "billing reads orders" {
  client   = "billing"
  api      = "https://api.dev.example.com/orders"
  granted  = true
  scope    = "read:orders"
  lifetime = 43200
  claims   = { "https://example.com/team" = "payments" }
}

expect "billing may not write orders" {
  client  = "billing"
  api     = "https://api.dev.example.com/orders"
  scopes  = ["write:orders"]
  granted = false
  error   = "invalid_scope"
}

expect "checkout moves money for five minutes" {
  client   = "checkout"
  api      = "https://api.dev.example.com/payments"
  scopes   = ["move:money"]
  granted  = true
  scope    = "move:money"
  lifetime = 300
}

expect "the storefront never sees payments" {
  client  = "storefront"
  api     = "https://api.dev.example.com/payments"
  granted = false
  error   = "invalid_target"
}

expect "each site carries its name" {
  client  = "scanner-lyn"
  api     = "https://api.dev.example.com/warehouses"
  granted = true
  scope   = "scan"
  claims  = { "https://example.com/site" = "lyn" }
}

expect "the privacy desk's audit ends" {
  client  = "privacy-desk"
  api     = "https://api.dev.example.com/consents"
  at      = "2099-07-01T00:00:00Z"
  granted = false
  error   = "invalid_target"
}
