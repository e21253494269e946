# An API is what tokens are for.

api "orders" {
  name = "Orders"

  # Becomes the aud claim byte for byte. It need not be an address that answers,
  # and it never changes once applied: writ.lock.hcl remembers it.
  identifier = "https://api.example.com/orders"

  scope "read:orders" { description = "Read orders" }
  scope "write:orders" { description = "Change orders" }
}
