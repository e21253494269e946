variable "environment" {
  type        = string
  default     = "dev"
  description = "Which deployment this tree is compiled for: dev, staging or prod."

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is \"dev\", \"staging\" or \"prod\"."
  }
}

variable "domain" {
  type        = string
  default     = "dev.example.com"
  description = "The domain that the issuer and the APIs live under."
}

locals {
  # What every team's own API carries, so that people know whom to call.
  owners = {
    accounts  = "accounts@example.com"
    commerce  = "commerce@example.com"
    data      = "data@example.com"
    logistics = "logistics@example.com"
    payments  = "payments@example.com"
  }

  base = "https://api.${var.domain}"
}
