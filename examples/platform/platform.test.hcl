# What must stay true of this tree, run by "writ check": no server needed.

expect "billing reads orders" {
  client   = "billing"
  api      = "${local.base}/orders"
  granted  = true
  scope    = "read:orders"
  lifetime = var.environment == "prod" ? 3600 : 43200
  claims   = { "https://example.com/team" = "payments" }
}

expect "billing may not write orders" {
  client  = "billing"
  api     = "${local.base}/orders"
  scopes  = ["write:orders"]
  granted = false
  error   = "invalid_scope"
}

expect "checkout moves money for five minutes" {
  client   = "checkout"
  api      = "${local.base}/payments"
  scopes   = ["move:money"]
  granted  = true
  scope    = "move:money"
  lifetime = 300
}

expect "the storefront never sees payments" {
  client  = "storefront"
  api     = "${local.base}/payments"
  granted = false
  error   = "invalid_target"
}

expect "each site carries its name" {
  client  = "scanner-lyn"
  api     = "${local.base}/warehouses"
  granted = true
  scope   = "scan"
  claims  = { "https://example.com/site" = "lyn" }
}

expect "the privacy desk's audit ends" {
  client  = "privacy-desk"
  api     = "${local.base}/consents"
  at      = "2099-07-01T00:00:00Z"
  granted = false
  error   = "invalid_target"
}
