api "returns" {
  name       = "Returns"
  identifier = "${local.base}/returns"
  metadata   = { owner = local.owners.logistics }

  scope "read:returns" { description = "Read returns" }
  scope "accept:returns" { description = "Accept goods that came back" }
}

api "shipments" {
  name       = "Shipments"
  identifier = "${local.base}/shipments"
  metadata   = { owner = local.owners.logistics }

  scope "read:shipments" { description = "Read shipments" }
  scope "create:shipments" { description = "Book a carrier" }
}

# Came from the old tenant and still speaks its dialect: verifiers expect azp and gty. That
# such tokens say no type is known and accepted here, so that --strict fails for news alone.
api "tracking" {
  name          = "Tracking"
  identifier    = "urn:example:tracking"
  token_profile = "auth0"
  accept        = ["auth0-profile-untyped"]
  metadata      = { owner = local.owners.logistics }

  scope "read:tracking" { description = "Where is my parcel" }
}

# The scanners verify with a shared secret; it is a reference, the value lives with the server.
api "warehouses" {
  name           = "Warehouses"
  identifier     = "${local.base}/warehouses"
  signing_alg    = "HS256"
  signing_secret = "env:WAREHOUSES_HS256"
  token_lifetime = "1h"
  metadata       = { owner = local.owners.logistics }

  scope "scan" { description = "Scan a parcel in or out" }
}
