locals {
  digits = 123456789012345678901234567890123 # ERROR limit-exceeded
}
