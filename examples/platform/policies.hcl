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
