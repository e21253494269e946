# A client is an application that asks for tokens.

client "billing" {
  name = "Billing worker"

  # Only the hash stands here; the secret behind this one is
  # "quickstart-demo-secret", which everybody knows. Before anything real:
  #
  #   writ secret new billing
  #
  # and replace this block by the one it prints.
  secret "demo" {
    hash = "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ"
  }
}

# An authorization lets one client ask for tokens for one API, with some of the
# API's scopes. Without one there is no token.

authorization "billing-reads-orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
