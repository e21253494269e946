client "a" { client_id = "a b" } # ERROR invalid-client-id
client "b" { client_id = "" } # ERROR invalid-client-id
client "c" { client_id = "c@clients" } # ERROR invalid-client-id

client "d" {
  for_each  = { eu = 1, us = 2 }
  client_id = "d/${each.key}" # ERROR invalid-client-id
}
