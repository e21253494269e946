api "payments" {
  name            = "Payments"
  identifier      = "${local.base}/payments"
  signing_alg     = "ES256"
  token_lifetime  = "15m"
  prevent_destroy = true
  metadata        = { owner = local.owners.payments }

  scope "read:payments" { description = "Read payments" }
  scope "move:money" {
    description = "Capture, void and transfer"
    sensitive   = true
  }
}

api "refunds" {
  name           = "Refunds"
  identifier     = "${local.base}/refunds"
  signing_alg    = "ES256"
  token_lifetime = "15m"
  metadata       = { owner = local.owners.payments }

  scope "read:refunds" { description = "Read refunds" }
  scope "move:money" {
    description = "Send money back"
    sensitive   = true
  }
}

api "ledger" {
  name           = "Ledger"
  identifier     = "${local.base}/ledger"
  signing_alg    = "PS256"
  token_lifetime = "10m"
  metadata       = { owner = local.owners.payments }

  scope "read:ledger" { description = "Read entries" }
  scope "post:ledger" { description = "Post entries" }
}

api "payouts" {
  name           = "Payouts"
  identifier     = "${local.base}/payouts"
  signing_alg    = "ES256"
  token_lifetime = "10m"
  metadata       = { owner = local.owners.payments }

  scope "read:payouts" { description = "Read payouts" }
  scope "move:money" {
    description = "Pay out to a bank account"
    sensitive   = true
  }
}
