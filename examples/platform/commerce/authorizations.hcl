locals {
  # Which scopes of which API the storefront and the checkout need.
  storefront = {
    carts   = { api = api.carts, scopes = api.carts.scopes }
    catalog = { api = api.catalog, scopes = ["read:catalog"] }
    pricing = { api = api.pricing, scopes = ["read:prices"] }
  }
}

authorization "storefront" {
  for_each = local.storefront
  client   = client.storefront
  api      = each.value.api
  scopes   = each.value.scopes
}

authorization "checkout-orders" {
  client = client.checkout
  api    = api.orders
  scopes = ["read:orders", "write:orders"]
}

authorization "checkout-inventory" {
  client = client.checkout
  api    = api.inventory
  scopes = api.inventory.scopes
}

authorization "checkout-payments" {
  client         = client.checkout
  api            = api.payments
  scopes         = ["read:payments", "move:money"]
  token_lifetime = "5m"
}

authorization "merchandising-catalog" {
  client = client.merchandising
  api    = api.catalog
  scopes = api.catalog.scopes
}

authorization "merchandising-pricing" {
  client = client.merchandising
  api    = api.pricing
  scopes = api.pricing.scopes
}
