# One scanner gateway for each site: the same block, another key.
locals {
  sites = {
    ams = { city = "Amsterdam", hash = "sha256:X98p6TCqgFUja-q6aGZghtut-J--JULDeC_NCpyX-Wg" }
    lyn = { city = "Lyon", hash = "sha256:h8b-4z1TU8M0mtS_1W3oe5yuLm3UxRaMzQutcgJzrdA" }
    waw = { city = "Warsaw", hash = "sha256:jhUgfxPQZLSA7brAyPRKnWW5W0Hp9SZADyRxk8n_e3M" }
  }
}

client "scanner" {
  for_each  = local.sites
  name      = "Scanner gateway ${each.value.city}"
  client_id = "scanner-${each.key}"
  metadata  = { team = "logistics", site = each.key }

  secret "2026-q4" { hash = each.value.hash }
}

authorization "scanner" {
  for_each = local.sites
  client   = client.scanner[each.key]
  api      = api.warehouses
  scopes   = ["scan"]
  claims   = { "https://example.com/site" = each.key }
}

client "dispatcher" {
  name     = "Dispatcher"
  metadata = { team = "logistics" }

  secret "2026-q4" { hash = "sha256:Yg3n5mGJtMpxgoYvrgPS6qX77-sxmOul-x8d6rpuNCg" }
}

authorization "dispatcher" {
  for_each = {
    orders    = { api = api.orders, scopes = ["read:orders"] }
    returns   = { api = api.returns, scopes = api.returns.scopes }
    shipments = { api = api.shipments, scopes = api.shipments.scopes }
    tracking  = { api = api.tracking, scopes = api.tracking.scopes }
  }
  client = client.dispatcher
  api    = each.value.api
  scopes = each.value.scopes
}
