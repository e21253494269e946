# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "notes" { identifier = "https://notes.example.com/" }

client "webapp" { client_id = "webapp" }
