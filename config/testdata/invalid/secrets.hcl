api "orders" {
  identifier     = "https://api.example.com/orders"
  signing_alg    = "HS256"
  signing_secret = "correct horse battery staple" # ERROR plaintext-secret
}

client "billing" {
  secret "clear" { hash = "hunter2" } # ERROR plaintext-secret
  secret "md5" { hash = "md5:5f4dcc3b5aa765d61d8327deb882cf99" } # ERROR weak-secret-hash
  secret "short" { hash = "sha256:tpy1Xw" } # ERROR weak-secret-hash
  secret "hex" { hash = "sha256:b69cb55f0fd20d74bd38aadcd973ac1b6235f8b6eca26c81f71531b4e3f8f5ff" } # ERROR weak-secret-hash
  secret "padded" { hash = "sha256:tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8=" } # ERROR weak-secret-hash
  secret "cheap" { hash = "$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234" } # ERROR weak-secret-hash
  secret "argon2i" { hash = "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG" } # ERROR weak-secret-hash
  secret "crypt" { hash = "$6$salt$hash" } # ERROR weak-secret-hash
  secret "climbing" { hash = "file:../shadow" } # ERROR invalid-value
}

signing_key "k" {
  algorithm   = "RS256"
  private_key = "-----BEGIN PRIVATE KEY-----" # ERROR plaintext-secret
}
