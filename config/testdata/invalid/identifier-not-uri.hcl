api "orders" {
  identifier = "orders" # WARNING identifier-not-uri
}

api "brackets" {
  identifier = "https://api.example.com/<v1>" # WARNING identifier-not-uri
}

api "urn" {
  identifier = "urn:example:orders"
}
