client "billing" {
  name     = "Billing worker"
  metadata = { team = "payments" }

  secret "2026-q4" { hash = "sha256:1asKi3VbQfsaRwbpUjk2ER_X6zX1IF54yM30E5qikuk" }
}

# No secret at all: it signs its own assertions (RFC 7523), and only the public half is here.
client "settlement" {
  name     = "Settlement run"
  metadata = { team = "payments" }

  public_key "k1" { jwks = file("payments/keys/settlement.jwks.json") }
}
