api "orders" {
  identifier = "https://api.example.com/orders"
}

api "orders" { # ERROR duplicate-name
  identifier = "https://api.example.com/v2/orders"
}

client "billing" {
  secret "a" { hash = "env:A" }
  secret "a" { hash = "env:B" } # ERROR duplicate-name
  refresh_token {}
  refresh_token {} # ERROR duplicate-name
}

locals {
  a = 1
}

locals {
  a = 2 # ERROR duplicate-name
}

variable "v" { default = 1 }
variable "v" { default = 2 } # ERROR duplicate-name

signing_key "k" {
  algorithm   = "RS256"
  private_key = "file:k.pem"
}

signing_key "k" { # ERROR duplicate-name
  algorithm   = "RS256"
  private_key = "file:k.pem"
}
