issuer {
  url         = "https://auth.example.com/"
  error_style = "rfc6749"
  sub_style   = "clients_suffix"
  environment = "prod"
  defaults {
    token_profile  = "rfc9068"
    signing_alg    = "RS256"
    token_lifetime = "1h"
  }
}

api "orders" {
  name                 = "Orders"
  identifier           = "https://api.example.com/orders"
  token_profile        = "rfc9068"
  signing_alg          = "RS256"
  token_lifetime       = "24h"
  allow_offline_access = true
  include_permissions  = false
  scope_mode           = "narrow"
  reuse_window         = "5s"
  prevent_destroy      = false
  distinct_from        = [api.orders_v1]
  claims               = { "https://example.com/team" = self.client.metadata.team }
  metadata             = { owner = "payments" }

  scope "read:orders"  { description = "Read orders" }
  scope "write:orders" { description = "Change orders" }
}

api "orders_v1" {
  identifier     = "https://api.example.com/orders/"
  signing_alg    = "HS256"
  signing_secret = "env:ORDERS_HS256"
  distinct_from  = [api.orders]
}

client "billing" {
  name        = "Billing worker"
  client_id   = "billing"
  grant_types = ["client_credentials"]
  claims      = {}
  metadata    = { team = "payments" }
  default_api = null
  rate_limit  = null
  introspects = []
  revoked_before = null
  require_sender_constrained = false
  prevent_destroy = false

  secret "2026-q4" {
    hash       = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"
    not_before = "2026-10-01T00:00:00Z"
    expires_at = "2027-01-01T00:00:00Z"
  }
  secret "imported" { hash = "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234" }
  secret "mounted"  { hash = "file:billing.hash" }
  public_key "k1"   { jwks = file("keys/billing.jwks.json") }
  public_key "k2"   { pem = file("keys/billing.pem") }
  certificate "c1"  { subject_dn = "CN=billing,O=Example" }
  certificate "c2"  { san_dns = "billing.example.com" }
  certificate "c3"  { san_uri = "spiffe://example.com/billing" }
  certificate "c4"  { sha256 = "tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8" }
  federated "k8s"   {
    trusted_issuer = trusted_issuer.cluster
    subject        = "system:serviceaccount:payments:billing"
    claims         = {}
  }
  federated "ci" {
    trusted_issuer  = trusted_issuer.cluster
    subject_pattern = "repo:example/billing:ref:refs/heads/*"
    claims          = { repository_owner = "example", runs = 2 }
  }
  refresh_token {
    rotation      = "rotating"
    lifetime      = "30d"
    idle_lifetime = "15d"
    leeway        = "0s"
  }
}

authorization "billing-reads-orders" {
  client         = client.billing
  api            = api.orders
  scopes         = ["read:orders"]
  subject_type   = "client"
  subject_claims = {}
  token_lifetime = "10m"
  expires_at     = "2027-06-30T00:00:00Z"
  claims         = {}
}

authorization "billing-for-users" {
  client         = client.billing
  api            = api.orders
  scopes         = api.orders.scopes
  subject_type   = "user"
  subject_claims = { groups = "finance" }
  copy_claims    = ["email", "groups"]
}

trusted_issuer "cluster" {
  issuer      = "https://kubernetes.default.svc"
  jwks        = file("trust/cluster.jwks.json")
  algorithms  = ["RS256"]
  audiences   = ["https://auth.example.com/"]
  vouches_for = ["client"]

  caps_lifetime = true
}

signing_key "2026-q4" {
  algorithm    = "RS256"
  private_key  = "file:rs256-2026-q4.pem"
  activates_at = "2026-10-01T00:00:00Z"
  retires_at   = "2027-02-01T00:00:00Z"
}

variable "env" {
  type        = string
  default     = "dev"
  description = "Where this configuration is served."

  validation {
    condition     = contains(["dev", "prod"], var.env)
    error_message = "env is dev or prod, not ${var.env}."
  }
}

locals {
  readers = ["billing", "reports"]
}

policy "short-lived-writes" {
  for_each_of   = "authorization"
  condition     = !contains(self.scopes, "write:orders") || self.token_lifetime <= 3600
  error_message = "${self.address} may hold write:orders for at most an hour."
  severity      = "error"
}
