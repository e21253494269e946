issuer { # ERROR missing-attribute
}

api "orders" { # ERROR missing-attribute
}

api "silent" {
  identifier = null # ERROR missing-attribute
}

client "billing" {
  secret "a" { # ERROR missing-attribute
  }
  public_key "k1" { # ERROR missing-attribute
  }
  federated "k8s" { # ERROR missing-attribute
    trusted_issuer = trusted_issuer.cluster
  }
}

client "worker" { # ERROR missing-attribute
  for_each = { eu = 1, us = 2 }
}

authorization "a" { # ERROR missing-attribute ERROR missing-attribute ERROR missing-attribute
}

trusted_issuer "cluster" { # ERROR missing-attribute
  issuer = "https://kubernetes.default.svc"
}

policy "p" { # ERROR missing-attribute ERROR missing-attribute
  for_each_of = "api"
}

policy "null" {
  for_each_of   = "api"
  condition     = null # ERROR missing-attribute
  error_message = "no"
}
