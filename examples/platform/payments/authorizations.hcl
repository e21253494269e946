authorization "billing-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}

authorization "billing-refunds" {
  client         = client.billing
  api            = api.refunds
  scopes         = api.refunds.scopes
  token_lifetime = "5m"
}

authorization "settlement-ledger" {
  client = client.settlement
  api    = api.ledger
  scopes = api.ledger.scopes
}

authorization "settlement-payouts" {
  client         = client.settlement
  api            = api.payouts
  scopes         = ["read:payouts", "move:money"]
  token_lifetime = "5m"
}
