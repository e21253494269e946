client "billing" {}
