client "billing" {
  federated "owner" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:example*/billing:ref:refs/heads/main" # WARNING loose-subject-pattern
  }
  federated "anything" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:example/**" # WARNING loose-subject-pattern
  }
  federated "exact" {
    trusted_issuer = trusted_issuer.github
    subject        = "repo:example/billing:*" # WARNING wildcard-in-subject
  }
  federated "good" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:example/billing:environment:*"
  }
}

trusted_issuer "github" {
  issuer   = "https://token.actions.githubusercontent.com"
  jwks_uri = "https://token.actions.githubusercontent.com/.well-known/jwks"
}
