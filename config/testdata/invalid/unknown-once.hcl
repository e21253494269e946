# One name that is not there is one message for each object that has it.

authorization "a" {
  client = client.billing # ERROR unknown-reference
  api    = api.gone # ERROR unknown-reference
  scopes = api.gone.scopes
}

authorization "b" {
  client = client.billing # ERROR unknown-reference
  api    = api.gone # ERROR unknown-reference
  scopes = api.gone.scopes
}

locals {
  pair = { api = api.gone, scopes = api.gone.scopes } # ERROR unknown-reference
}

# The label is the mistake, not what refers to it.

trusted_issuer "corp.example" { # ERROR invalid-label
  issuer   = "https://login.corp.example"
  jwks_uri = "https://login.corp.example/jwks"
}

client "worker" {
  federated "k8s" {
    trusted_issuer = trusted_issuer.corp
    subject        = "worker"
  }
}
