# What must stay true, whatever else changes. Run by "writ check".

expect "the web app has no access of its own, only on behalf of a user" {
  client  = "webapp"
  api     = "https://notes.example.com/"
  granted = false
  error   = "unauthorized_client"
}

expect "for staff it reads notes" {
  client         = "webapp"
  api            = "https://notes.example.com/"
  subject_type   = "user"
  subject_claims = { groups = ["staff", "skiing"], email = "alice@example.com" }
  scopes         = ["read:notes"]
  granted        = true
  scope          = "read:notes"
  claims         = { email = "alice@example.com" }
}

expect "for guests it gets nothing" {
  client         = "webapp"
  api            = "https://notes.example.com/"
  subject_type   = "user"
  subject_claims = { groups = ["guests"] }
  granted        = false
  error          = "invalid_request"
}
