# What no team may merge, whoever reviews it.

policy "money-moves-for-minutes" {
  for_each_of   = "authorization"
  condition     = !contains(self.scopes, "move:money") || self.token_lifetime <= 900
  error_message = "${self.address} may hold move:money for at most 15 minutes."
}

policy "every-api-has-an-owner" {
  for_each_of   = "api"
  condition     = contains(keys(self.metadata), "owner")
  error_message = "${self.address} needs metadata.owner, so that somebody can be called at night."
}

policy "names-for-people" {
  for_each_of   = "client"
  condition     = self.name != self.client_id
  error_message = "${self.address} has no name of its own; plans and dashboards are easier to read with one."
  severity      = "warning"
}

# Two changes that are harmless one by one: a pattern lets in whoever its * stands for,
# and a sensitive scope is then theirs. Each has to be reviewed, and merged, alone.
policy "no-sensitive-scope-with-a-new-pattern" {
  for_each_of = "change"
  # "if" comes first, so that no more than the changes with a new pattern are held to each API.
  condition = !anytrue([
    for gain in self.gained : length(setintersection(gain.scopes, one([for api in all.api : api.sensitive_scopes if api.label == gain.api]))) > 0
    if length(setsubtract(
      compact([for c in try(self.after.credentials, []) : lookup(c, "subject_pattern", "")]),
      compact([for c in try(self.before.credentials, []) : lookup(c, "subject_pattern", "")]),
    )) > 0
  ])
  error_message = "${self.address} gains a sensitive scope together with a new federated pattern: make it two changes, the pattern last."
}
