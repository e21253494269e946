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
