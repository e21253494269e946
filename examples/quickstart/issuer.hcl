# The authorization server: exactly one issuer in the tree.
#
# Files and folders are yours to arrange: every *.hcl below this folder is one
# configuration, whatever the order.

issuer {
  # Goes into every token's iss claim byte for byte. "writ dev" puts its own
  # loopback address here, so that everything works before you own a domain.
  url = "https://auth.example.com/"

  defaults {
    token_lifetime = "1h"
  }
}
