expect "refused" {
  client   = "billing"
  api      = "https://api.example.com/orders"
  granted  = false
  lifetime = 600 # ERROR invalid-test
}

expect "granted" {
  client  = "billing"
  api     = "https://api.example.com/orders"
  granted = true
  error   = "invalid_scope" # ERROR invalid-test
}

expect "granted" { # ERROR duplicate-name
  client  = "billing"
  api     = "https://api.example.com/orders"
  granted = true
}

expect "claims of nobody" {
  client         = "billing"
  api            = "https://api.example.com/orders"
  subject_claims = { groups = "finance" } # ERROR invalid-test
  granted        = true
}

expect "typo" {
  client  = "billing"
  api     = "https://api.example.com/orders"
  granted = false
  error   = "invalid_scop" # ERROR invalid-value
}

expect "incomplete" { # ERROR missing-attribute ERROR missing-attribute
  client = "billing"
}

expect "" { # ERROR invalid-test
  client  = "billing"
  api     = "https://api.example.com/orders"
  granted = true
}

expects "x" { # ERROR unknown-block
}
