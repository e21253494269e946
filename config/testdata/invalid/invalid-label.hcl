api "1st" { # ERROR invalid-label
  identifier = "https://api.example.com/1"
}

api "a b" { # ERROR invalid-label
  identifier = "https://api.example.com/2"
}

api { # ERROR invalid-label
  identifier = "https://api.example.com/3"
}

client "two" "labels" { # ERROR invalid-label
}

issuer "x" { # ERROR invalid-label
  url = "https://auth.example.com/"
}

client "billing" {
  secret "-a" { hash = "env:A" } # ERROR invalid-label
  secret "2026-q4" { hash = "env:B" }
}

client "worker" {
  for_each  = { "a b" = 1 } # ERROR invalid-label
  client_id = "worker-${each.key}"
}
