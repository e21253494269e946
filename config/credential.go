package config

import (
	"strings"

	"github.com/writ-auth/writ/schema"
)

// checkScope refuses the scopes that OpenID Connect has given a meaning.
func (f *fields) checkScope(s *schema.Scope) {
	if schema.IsReservedScope(s.Name) {
		f.errorf("reserved-scope", f.block.LabelRange(0), "%q means something else in OpenID Connect and cannot be a scope of an API. Write a name of your own, such as \"read:%s\".", s.Name, s.Name)
	}
}

// checkFederated warns about subjects that do not name whom they seem to name.
func (f *fields) checkFederated(c *schema.Federated) {
	if strings.Contains(c.Subject, "*") {
		at, _ := rangeOf(f.block, "subject")
		f.problems.errorf("wildcard-in-subject", at, "The subject is compared as it stands, so its * matches nothing but a *. Write subject_pattern if it stands for something.")
	}
	if why := schema.LooseSubjectPattern(c.SubjectPattern); why != "" {
		at, _ := rangeOf(f.block, "subject_pattern")
		f.problems.errorf("loose-subject-pattern", at, "The pattern %q is loose: %s.", c.SubjectPattern, why)
	}
}

// checkRefreshToken holds idle_lifetime to lifetime, which shortens its default.
func (f *fields) checkRefreshToken(r *schema.RefreshToken) {
	idle, written := rangeOf(f.block, "idle_lifetime")
	switch {
	case f.bad || r.IdleLifetime <= r.Lifetime:
	case written:
		f.errorf("invalid-lifetime", idle, "idle_lifetime is %s, longer than lifetime, which is %s. Write at most that.",
			schema.FormatDuration(r.IdleLifetime), schema.FormatDuration(r.Lifetime))
	default:
		r.IdleLifetime = r.Lifetime
	}
}
