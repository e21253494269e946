api "carts" {
  name       = "Carts"
  identifier = "${local.base}/carts"
  metadata   = { owner = local.owners.commerce }

  scope "read:carts" { description = "Read a cart" }
  scope "write:carts" { description = "Put things into a cart" }
}

api "catalog" {
  name       = "Catalog"
  identifier = "${local.base}/catalog"
  metadata   = { owner = local.owners.commerce }

  scope "read:catalog" { description = "Read products" }
  scope "write:catalog" { description = "Change products" }
  scope "publish:catalog" { description = "Put products on the shelf" }
}

api "inventory" {
  name       = "Inventory"
  identifier = "${local.base}/inventory"
  metadata   = { owner = local.owners.commerce }

  scope "read:stock" { description = "Read stock levels" }
  scope "reserve:stock" { description = "Reserve stock for an order" }
}

api "orders" {
  name            = "Orders"
  identifier      = "${local.base}/orders"
  prevent_destroy = true
  metadata        = { owner = local.owners.commerce }
  claims          = { "https://example.com/team" = self.client.metadata.team }

  scope "read:orders" { description = "Read orders" }
  scope "write:orders" { description = "Place and change orders" }
  scope "cancel:orders" { description = "Cancel an order that has not shipped" }
}

api "pricing" {
  name           = "Pricing"
  identifier     = "${local.base}/pricing"
  token_lifetime = "15m"
  metadata       = { owner = local.owners.commerce }

  scope "read:prices" { description = "Read prices" }
  scope "write:prices" { description = "Change prices" }
}
