# An MCP server is an API whose identifier is the address that clients connect to.

api "library" {
  name       = "Library"
  identifier = "http://127.0.0.1:3000/mcp" # byte for byte; https://mcp.example.com/mcp in earnest

  # A tool wants a scope or none. "writ quickstart" guards its tool "lookup" with the
  # first one here.
  scope "read:library" { description = "Look something up" }
  scope "write:library" {
    description = "Change what stands in it"
    sensitive   = true
  }
}
