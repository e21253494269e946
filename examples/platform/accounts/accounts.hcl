api "consents" {
  name       = "Consents"
  identifier = "${local.base}/consents"
  metadata   = { owner = local.owners.accounts }

  scope "read:consents" { description = "Read what a person agreed to" }
  scope "record:consents" { description = "Record an agreement or its withdrawal" }
}

api "notifications" {
  name       = "Notifications"
  identifier = "${local.base}/notifications"
  metadata   = { owner = local.owners.accounts }

  scope "send:email" { description = "Send an e-mail" }
  scope "send:sms" { description = "Send a text message" }
}

api "profiles" {
  name       = "Profiles"
  identifier = "${local.base}/profiles"
  metadata   = { owner = local.owners.accounts }

  scope "read:profiles" { description = "Read profiles" }
  scope "erase:profiles" { description = "Erase a person's data" }
}

client "privacy-desk" {
  name     = "Privacy desk"
  metadata = { team = "accounts" }

  secret "2026-q4" { hash = "sha256:zwtRLhfJD005zteV13j64Z1rGyLgVCfCSUHaeeeFesM" }
}

authorization "privacy-desk-profiles" {
  client = client.privacy-desk
  api    = api.profiles
  scopes = api.profiles.scopes
}

# Until the audit is over; after that date no token, and none outlives it.
authorization "privacy-desk-consents" {
  client     = client.privacy-desk
  api        = api.consents
  scopes     = ["read:consents"]
  expires_at = "2099-06-30T00:00:00Z"
}

client "mailer" {
  name     = "Mailer"
  metadata = { team = "accounts" }

  secret "2026-q4" { hash = "sha256:koS8F20ospq63H7b8ZS-17JwG8xBHtssQ3_BF3weWAo" }
}

authorization "mailer-notifications" {
  client = client.mailer
  api    = api.notifications
  scopes = ["send:email"]
}
