# What must stay true, whatever else changes. Run by "writ check".

expect "the assistant may look things up" {
  client  = "assistant"
  api     = "http://127.0.0.1:3000/mcp"
  scopes  = ["read:library"]
  granted = true
  scope   = "read:library"
}

expect "the assistant changes nothing" {
  client  = "assistant"
  api     = "http://127.0.0.1:3000/mcp"
  scopes  = ["write:library"]
  granted = false
  error   = "invalid_scope"
}
