locals {
  a = local.b # ERROR reference-cycle
  b = local.c
  c = local.a
  d = local.a
  e = [local.e] # ERROR reference-cycle
}

api "orders" {
  identifier = "https://api.example.com/${api.reports.name}" # ERROR reference-cycle
}

api "reports" {
  name       = api.orders.identifier
  identifier = "https://api.example.com/reports"
}

client "worker" {
  for_each  = { for k, w in client.worker : k => 1 } # ERROR reference-cycle
  client_id = each.key
}

issuer {
  url = "https://auth.example.com/"
  defaults {
    token_lifetime = api.silent.token_lifetime # ERROR reference-cycle
  }
}

api "silent" {
  identifier = "https://api.example.com/silent"
  name       = "${api.silent.token_lifetime}"
}

client "own" {
  default_api = client.own.default_api # ERROR reference-cycle
  name        = "${client.own.default_api.label}"
}

authorization "own" {
  client = client.own
  api    = api[authorization.own.token_lifetime > 5 ? "silent" : "orders"] # ERROR reference-cycle
  scopes = []
}
