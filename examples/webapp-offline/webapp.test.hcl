# What must stay true, whatever else changes. Run by "writ check".

expect "the web app has no access of its own, only on behalf of a user" {
  client  = "webapp"
  api     = "https://notes.example.com/"
  granted = false
  error   = "unauthorized_client"
}
