apis "orders" { # ERROR unknown-block
  identifier = "https://api.example.com/orders"
}

client "billing" {
  secrets "a" { # ERROR unknown-block
    hash = "x"
  }
}

locals {
  nested { # ERROR unknown-block
  }
}

resource "orders" "x" { # ERROR unknown-block
}
