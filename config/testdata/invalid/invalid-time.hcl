client "billing" {
  revoked_before = "yesterday" # ERROR invalid-time

  secret "a" {
    hash       = "env:A"
    not_before = "2027-01-01T00:00:00Z"
    expires_at = "2026-01-01T00:00:00Z" # ERROR invalid-time
  }
  secret "b" {
    hash       = "env:B"
    expires_at = "2026-02-30T00:00:00Z" # ERROR invalid-time
  }
  secret "c" {
    hash       = "env:C"
    expires_at = "2026-01-01 00:00:00" # ERROR invalid-time
  }
}

signing_key "k" {
  algorithm    = "ES256"
  private_key  = "file:k.pem"
  activates_at = "2026-10-01T00:00:00Z"
  retires_at   = "2026-10-01T00:00:00Z" # ERROR invalid-time
}
