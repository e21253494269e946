api "orders" {
  identifier           = 42      # ERROR wrong-type
  token_lifetime       = true    # ERROR wrong-type
  allow_offline_access = "true"  # ERROR wrong-type
  distinct_from        = "orders" # ERROR wrong-type
  metadata             = { n = 1 } # ERROR wrong-type
  claims               = ["team"] # ERROR wrong-type
}

api "reports" {
  identifier = "https://api.example.com/reports"
}

client "billing" {
  grant_types    = "client_credentials" # ERROR wrong-type
  rate_limit     = "10"                 # ERROR wrong-type
  revoked_before = 1700000000           # ERROR wrong-type
  default_api    = api.reports.identifier # ERROR wrong-type
}

client "worker" {
  for_each  = ["eu", "us"] # ERROR wrong-type
  client_id = "worker-${each.key}"
}

client "reader" {
  for_each  = "eu" # ERROR wrong-type
  client_id = "reader-${each.key}"
}

client "regional" {
  for_each  = { eu = 1 }
  client_id = "regional-${each.key}"
}

authorization "text" {
  client = "billing" # ERROR wrong-type
  api    = api.orders
  scopes = []
}

authorization "other-kind" {
  client = api.orders # ERROR wrong-type
  api    = client.billing # ERROR wrong-type
  scopes = [1] # ERROR wrong-type
}

authorization "attribute" {
  client = client.billing.client_id # ERROR wrong-type
  api    = { identifier = "https://api.example.com/orders" } # ERROR wrong-type
  scopes = {} # ERROR wrong-type
}

authorization "several" {
  client = client.regional # ERROR wrong-type
  api    = api.orders
  scopes = []
}

variable "count" {
  type    = number
  default = "many" # ERROR wrong-type
}
