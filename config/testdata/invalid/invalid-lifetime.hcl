api "zero" {
  identifier     = "https://api.example.com/1"
  token_lifetime = 0 # ERROR invalid-lifetime
}

api "long" {
  identifier     = "https://api.example.com/2"
  token_lifetime = "31d" # ERROR invalid-lifetime
}

api "word" {
  identifier     = "https://api.example.com/3"
  token_lifetime = "a day" # ERROR invalid-lifetime
}

api "fraction" {
  identifier     = "https://api.example.com/4"
  token_lifetime = 0.5 # ERROR invalid-lifetime
}

client "billing" {
  refresh_token {
    lifetime      = "1d"
    idle_lifetime = "2d" # ERROR invalid-lifetime
  }
}
