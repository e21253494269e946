# The authorization server itself. One per tree; owned by the platform team.
issuer {
  url         = "https://auth.${var.domain}/"
  environment = var.environment

  defaults {
    token_profile  = "rfc9068"
    signing_alg    = "RS256"
    token_lifetime = var.environment == "prod" ? "1h" : "12h"
  }
}
