locals {
  a = 1 + "x" # ERROR invalid-expression
  b = local.a + 1
  c = { x = 1 }.y # ERROR invalid-expression
}

client "billing" {
  name = nosuch("x") # ERROR invalid-function-call
}

policy "p" {
  for_each_of   = "client"
  condition     = file("${self.label}.txt") != "" # ERROR invalid-expression
  error_message = "no"
}
