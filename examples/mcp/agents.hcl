# An agent is a client. Which tools it may call is an authorization that somebody has
# reviewed: nothing is registered while the server runs.

client "assistant" {
  name = "Assistant"

  # The secret behind this hash is "quickstart-demo-secret", which everybody knows.
  # Before anything real: writ secret new assistant
  secret "demo" {
    hash = "sha256:shKULOV9Znj5HQnb8f63NlqWZ1Y2GxG22T-vCg1suCQ"
  }
}

authorization "assistant-library" {
  client = client.assistant
  api    = api.library
  scopes = ["read:library"]
}
