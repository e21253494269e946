variable "env" {
  type    = string
  default = "test" # ERROR variable-validation

  validation {
    condition     = var.env != "test"
    error_message = "env is dev or prod, not ${var.env}."
  }
}

variable "required" { # ERROR invalid-variable
  type = string
}

variable "null" { # ERROR invalid-variable
  default = null
}

variable "type" {
  type = strng # ERROR invalid-value
}

variable "condition" {
  default = 1

  validation { # ERROR missing-attribute
    condition = "yes" # ERROR wrong-type
  }
}
