api "empty" { identifier = "" } # ERROR invalid-identifier
api "space" { identifier = "https://api.example.com/a b" } # ERROR invalid-identifier
api "control" { identifier = "https://api.example.com/\t" } # ERROR invalid-identifier
api "unicode" { identifier = "https://api.example.com/é" } # ERROR invalid-identifier
api "kelvin" { identifier = "https://api.example.com/K" } # ERROR invalid-identifier
api "escaped" { identifier = "https://api.example.com/\u212A" } # ERROR invalid-identifier
api "backslash" { identifier = "https://api.example.com\\orders" } # ERROR invalid-identifier
api "userinfo" { identifier = "https://user@api.example.com/" } # ERROR invalid-identifier
api "fragment" { identifier = "https://api.example.com/#a" } # ERROR invalid-identifier

api "instances" {
  for_each   = toset(["a", "b"])
  identifier = "https://api.example.com/${each.key}#x" # ERROR invalid-identifier
}
