# The API that the web app calls for its users.

api "notes" {
  name       = "Notes"
  identifier = "https://notes.example.com/"

  # Five seconds, so that you see a token expire. In earnest ten minutes: a token
  # that is out works until it ends, whatever happens to the refresh token.
  token_lifetime = "5s"

  # May a client get tokens for this API while the user is away?
  allow_offline_access = true

  scope "read:notes" { description = "Read the user's notes" }
  scope "write:notes" { description = "Change the user's notes" }
}
