package schema

// variableBlock, and the blocks of this file after it, are about the configuration itself: no
// snapshot holds any of them.
var variableBlock = Block{
	Type: "variable", Label: "name", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "An input, read as var.<name> and set with --var or a variable file.",
	Example: `variable "env" {
  type        = string
  default     = "dev"
  description = "Where this configuration is served."

  validation {
    condition     = contains(["dev", "prod"], var.env)
    error_message = "env is dev or prod, not ${var.env}."
  }
}`,
	Attributes: []Attribute{
		{Name: "type", Type: TypeConstraint, Default: "any",
			Doc: "What values it takes: string, number, bool, list(string), map(string), object({...}), ...", Example: "string"},
		{Name: "default", Type: TypeAny,
			Doc: "Its value when none is given; without one, or with null, a value is required.", Example: `"dev"`},
		{Name: "description", Type: TypeString,
			Doc: "What it is for.", Example: `"Where this configuration is served."`},
	},
	Blocks: []Block{{
		Type: "validation", Repeats: true,
		Doc: "A rule for the value.",
		Example: `validation {
  condition     = contains(["dev", "prod"], var.env)
  error_message = "env is dev or prod, not ${var.env}."
}`,
		Attributes: []Attribute{
			{Name: "condition", Type: TypeCondition, Required: true,
				Doc: "What must hold.", Example: `contains(["dev", "prod"], var.env)`},
			{Name: "error_message", Type: TypeString, Required: true,
				Doc: "What the author is told when it does not.", Example: `"env is dev or prod."`},
		},
	}},
}

// localsBlock has no attributes of its own: each one that an author writes is a name.
var localsBlock = Block{
	Type: "locals", Repeats: true, Open: true,
	Doc: "Names for values, read as local.<name>. Any number of these blocks, one namespace.",
	Example: `locals {
  readers = ["billing", "reports"]
}`,
}

// PolicyChange says what a policy for each change reads as self. It is no block: a plan
// makes changes.
var PolicyChange = Block{
	Type: "change",
	Doc:  "One change of a plan, which a policy with for_each_of = \"change\" reads as self.",
	Attributes: []Attribute{
		{Name: "address", Type: TypeString,
			Doc: "What changes; of a rename, by its new label.", Example: `"client.billing"`},
		{Name: "action", Type: TypeString, Enum: []string{"create", "update", "delete", "replace", "rename"},
			Doc: "What happens to it.", Example: `"update"`},
		{Name: "effect", Type: TypeString, Enum: []string{"widen", "narrow", "shape", "text", "none"},
			Doc: "The strongest effect of it.", Example: `"widen"`},
		{Name: "gained", Type: TypeAny,
			Doc: "What clients gain in this plan by way of the object, at any time from then on: a list of objects { client, api, subject_type, scopes } with labels. Of a client it is what that client gains, of an API what is gained on it.", Example: `[]`},
		{Name: "lost", Type: TypeAny,
			Doc: "The same of what clients lose.", Example: `[]`},
		{Name: "before", Type: TypeAny,
			Doc: "The object as it was, with the members that a plan has as JSON and what each federated credential matches; null for none.", Example: `null`},
		{Name: "after", Type: TypeAny,
			Doc: "The object as it will be, the same; null for none.", Example: `null`},
	},
}

// policyBlock is used up when a configuration is compiled: no snapshot holds policies.
var policyBlock = Block{
	Type: "policy", Label: "label", CheckLabel: CheckLabel, LabelCode: "invalid-label", Repeats: true,
	Doc: "An invariant of this configuration, checked by validate and plan for each object of one kind. " +
		"With for_each_of = \"change\" it is about each change, and checked by plan and apply, of a first configuration too. " +
		"self is the object; all.api, all.client, all.authorization, all.trusted_issuer, all.federated and, of changes, all.change are the lists of all objects.",
	Example: `policy "short-lived-writes" {
  for_each_of   = "authorization"
  condition     = !contains(self.scopes, "write:orders") || self.token_lifetime <= 3600
  error_message = "${self.address} may hold write:orders for at most an hour."
}`,
	Attributes: []Attribute{
		{Name: "for_each_of", Type: TypeString, Required: true, Enum: []string{"api", "client", "authorization", "trusted_issuer", "federated", "change"},
			Doc: "The kind of object that it holds for; self is each in turn.", Example: `"authorization"`},
		{Name: "condition", Type: TypeCondition, Required: true,
			Doc: "What must hold. Lifetimes are seconds; an authorization has self.client and self.api, a federated block self.client and self.trusted_issuer; an API has sensitive_scopes, the names of those.", Example: `self.token_lifetime <= 3600`},
		{Name: "error_message", Type: TypeString, Required: true,
			Doc: "What the author is told when it does not, evaluated like the condition.", Example: `"${self.address} lives too long."`},
		{Name: "severity", Type: TypeString, Enum: []string{"error", "warning"}, Default: `"error"`,
			Doc: "Whether a violation refuses the configuration.", Example: `"error"`},
	},
}

// expectBlock names clients and APIs as requests do, by client_id and identifier: a renamed
// label changes no expectation.
var expectBlock = Block{
	Type: "expect", Label: "name", CheckLabel: CheckName, LabelCode: "invalid-test", Repeats: true,
	Doc: "One expectation in a *.test.hcl file, run by \"writ check\": a request, and the token or refusal that it must get.",
	Example: `expect "billing reads orders" {
  client   = "billing"
  api      = "https://api.example.com/orders"
  scopes   = ["read:orders"]
  granted  = true
  scope    = "read:orders"
  lifetime = 600
}`,
	Attributes: []Attribute{
		{Name: "client", Type: TypeString, Required: true,
			Doc: "The client_id that asks.", Example: `"billing"`},
		{Name: "api", Type: TypeString, Required: true,
			Doc: "The identifier of the API that it asks for.", Example: `"https://api.example.com/orders"`},
		{Name: "subject_type", Type: TypeString, Enum: subjectTypes, Default: `"client"`,
			Doc: "On whose behalf it asks: its own, or a user's.", Example: `"user"`},
		{Name: "subject_claims", Type: TypeObject, Default: "{}",
			Doc: "With subject_type \"user\" only: what the user's token says.", Example: `{ groups = ["finance", "staff"] }`},
		{Name: "scopes", Type: TypeStrings,
			Doc: "The scopes asked for; absent: the request names none.", Example: `["read:orders"]`},
		{Name: "at", Type: TypeTime, Default: "the present",
			Doc: "The time of the request, for windows and expiry.", Example: `"2026-12-01T00:00:00Z"`},
		{Name: "granted", Type: TypeBool, Required: true,
			Doc: "Whether a token is expected.", Example: "true"},
		{Name: "scope", Type: TypeString,
			Doc: "The scope claim of the token, exactly; \"\" for none.", Example: `"read:orders"`},
		{Name: "lifetime", Type: TypeDuration, Min: 1, Max: MaxTokenLifetime,
			Doc: "exp less iat, exactly.", Example: "600"},
		{Name: "claims", Type: TypeObject,
			Doc: "Claims that the token must carry with these values.", Example: `{ "https://example.com/team" = "payments" }`},
		{Name: "error", Type: TypeString, Enum: oauthErrors,
			Doc: "The error code of the refusal.", Example: `"invalid_scope"`},
	},
}
