# The authorization server. The MCP server and its clients find it by this address.

issuer {
  url = "http://127.0.0.1:8080/"

  # Agents act in bursts: a token that leaks is worth little after ten minutes.
  defaults {
    token_lifetime = "10m"
  }
}
