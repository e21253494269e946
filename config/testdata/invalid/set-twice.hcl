# An attribute that is set twice is a mistake of its own: what else is wrong in the
# file is reported too.
locals {
  a = 1
  a = 2 # ERROR duplicate-name
}

policy "p" { # ERROR missing-attribute
  for_each_of   = "client"
  error_message = "no"
}

api "9x" { # ERROR invalid-label
  identifier = "https://api.example.com/x"
}

client "billing" {
  colour = "red" # ERROR unknown-attribute
}
