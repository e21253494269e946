client "billing" {
  claims = {
    big    = 1e30 # ERROR invalid-claim
    small  = 1
    binary = 12345678901234567890 # ERROR invalid-claim
  }
}
