# The web app, which works for its users also when they have gone home.

client "webapp" {
  name = "Web app"

  grant_types = [
    "urn:ietf:params:oauth:grant-type:token-exchange", # a user's ID token for access
    "refresh_token",                                   # and again, without the user
  ]

  # The secret behind this one is "webapp-demo-secret", which everybody knows.
  # "writ secret new webapp" makes a real one.
  secret "demo" {
    hash = "sha256:gq9fCzoB-oi2kVhxmIEXWGJtS0lkE2g5Q7Qn0BwutdQ"
  }

  # Every use gives a new refresh token; one that comes back after it was used is
  # in two hands, and ends them all. The user has to sign in again after a month,
  # or after a week in which the web app did nothing.
  refresh_token {
    rotation      = "rotating"
    lifetime      = "30d"
    idle_lifetime = "7d"
    leeway        = "0s" # in earnest some seconds, so that an answer that got lost can be had again
  }
}

# Who may do what for whom: this client, on this API, for users of whom the ID
# token says that they are staff.

authorization "webapp-for-staff" {
  client         = client.webapp
  api            = api.notes
  subject_type   = "user"
  subject_claims = { groups = "staff" }
  copy_claims    = ["email"] # from the ID token into the access token
  scopes         = ["read:notes", "write:notes"]
}
