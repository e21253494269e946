api "events" {
  name       = "Events"
  identifier = "${local.base}/events"
  metadata   = { owner = local.owners.data }

  scope "publish:events" { description = "Publish events" }
  scope "consume:events" { description = "Consume events" }
}

api "exports" {
  name       = "Exports"
  identifier = "${local.base}/exports"
  metadata   = { owner = local.owners.data }

  scope "create:exports" { description = "Start an export" }
  scope "read:exports" { description = "Download an export" }
}

api "features" {
  name        = "Feature store"
  identifier  = "${local.base}/features"
  signing_alg = "EdDSA"
  metadata    = { owner = local.owners.data }

  scope "read:features" { description = "Read feature vectors" }
  scope "write:features" { description = "Write feature vectors" }
}

api "reports" {
  name                = "Reports"
  identifier          = "${local.base}/reports"
  include_permissions = true
  metadata            = { owner = local.owners.data }

  scope "read:reports" { description = "Read reports" }
  scope "schedule:reports" { description = "Schedule a report" }
}

# The cluster's own tokens are the credential (RFC 7523 with a pinned key set): nothing to rotate.
trusted_issuer "cluster" {
  issuer     = "https://kubernetes.default.svc"
  jwks       = file("trust/cluster.jwks.json")
  algorithms = ["RS256"]
}

client "pipeline" {
  name     = "Data pipeline"
  metadata = { team = "data" }

  federated "k8s" {
    trusted_issuer = trusted_issuer.cluster
    subject        = "system:serviceaccount:data:pipeline"
  }
}

authorization "pipeline" {
  for_each = {
    events   = { api = api.events, scopes = api.events.scopes }
    exports  = { api = api.exports, scopes = api.exports.scopes }
    features = { api = api.features, scopes = api.features.scopes }
    orders   = { api = api.orders, scopes = ["read:orders"] }
  }
  client = client.pipeline
  api    = each.value.api
  scopes = each.value.scopes
}

client "dashboards" {
  name     = "Dashboards"
  metadata = { team = "data" }

  secret "2026-q4" { hash = "sha256:luEU2iOVYYpPzKAAPTQ6ruvC2Q2TMVduB_3npzkN6_0" }
}

authorization "dashboards-reports" {
  client         = client.dashboards
  api            = api.reports
  scopes         = ["read:reports"]
  token_lifetime = "10m"
}
