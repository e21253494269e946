api "orders" {
  identifier = "https://api.example.com/orders"
}

client "billing" {
  name = "${var.envv}" # ERROR unknown-reference
}

client "worker" {
  for_each  = toset(["eu", "us"])
  client_id = "worker-${each.key}"
  name      = each.keys # ERROR unknown-reference
}

authorization "typo" {
  client = client.biling # ERROR unknown-reference
  api    = api.orderz # ERROR unknown-reference
  scopes = api.orders.scope # ERROR unknown-reference
}

authorization "other" {
  client = client.orders # ERROR unknown-reference
  api    = apis.orders # ERROR unknown-reference
  scopes = local.readers # ERROR unknown-reference
}

authorization "instances" {
  client = client.worker["uk"] # ERROR unknown-reference
  api    = api.orders["eu"] # ERROR unknown-reference
  scopes = []
}

authorization "dynamic" {
  for_each = toset(["eu", "uk", "ap"])
  client   = client.worker[each.key] # ERROR unknown-reference
  api      = api.orders
  scopes   = []
}

authorization "bare" {
  client = billing # ERROR unknown-reference
  api    = each.value # ERROR unknown-reference
  scopes = [self.scope] # ERROR unknown-reference
}

variable "env" { default = var.other } # ERROR unknown-reference

policy "p" {
  for_each_of   = "authorization"
  condition     = self.lifetime > 10 # ERROR unknown-reference
  error_message = "${self.client.client_di} lives too long." # ERROR unknown-reference
}
