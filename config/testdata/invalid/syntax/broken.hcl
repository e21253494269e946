api "orders" {
  identifier = # ERROR syntax
  name       = 5 # ERROR wrong-type
}

client "billing" {
  metadata = { team = }
}
