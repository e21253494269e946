package usage

import (
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A Kind is what is not used.
type Kind string

// The kinds, which are block types of the language.
const (
	KindAuthorization Kind = "authorization"
	KindScope         Kind = "scope"
	KindCredential    Kind = "credential"
)

// An Unused is something that a configuration allows and nobody used in a period.
type Unused struct {
	Kind  Kind
	Owner string // the label of the authorization, or of the client of a credential
	Block string // of a credential, the type of its block
	Label string // of a scope or a credential
	Tally Tally  // the zero value where it never was used
}

// A Question is why nothing can be said about the scopes of an authorization.
type Question struct {
	Authorization string // label
	Unscoped      Tally  // its requests that named no scope
}

// An Answer is what was not used in a period.
type Answer struct {
	Since, Until Time // the period that was asked about
	From, To     Time // the part of it that the logs cover
	// Silent are the days of that part without a line: nobody asked, or a log is missing.
	Silent    int
	Unused    []Unused
	Questions []Question
}

// IsShort reports whether the logs cover less than was asked, by a day or more.
func (a *Answer) IsShort() bool {
	return a.From >= a.Since+secondsOfDay || a.To <= a.Until-secondsOfDay
}

// Unused says what of a configuration was not used from a time until now. It returns
// false where the logs say nothing about that period.
//
// A scope counts as used where a request named it. Who names none is granted all, and
// which of them it needs is not known: then the answer is a Question. A credential that
// was not valid for the whole period is left out.
func (f *File) Unused(doc *schema.Document, since, now int64) (*Answer, bool) {
	a := &Answer{Since: Time(since), Until: Time(now), From: max(f.From, Time(since)), To: min(f.To, Time(now))}
	if f.Lines == 0 || a.From > a.To {
		return nil, false
	}
	a.Silent = int(a.To.day()-a.From.day()) + 1
	for _, d := range f.Days {
		if d.Day >= a.From.day() && d.Day <= a.To.day() {
			a.Silent--
		}
	}
	if oldest := f.To.day() - maxDays + 1; a.From.day() < oldest { // days before that are not counted
		a.Silent -= int(oldest - a.From.day())
	}
	for i := range doc.Authorizations {
		a.authorization(f, &doc.Authorizations[i])
	}
	for i := range doc.Clients {
		c := &doc.Clients[i]
		for _, credential := range c.Credentials() {
			t, _ := f.Credential(c.ClientID, credential.Block.Type, credential.Label)
			if t.Last < a.Since && credential.Window.NotBefore <= since {
				a.Unused = append(a.Unused, Unused{KindCredential, c.Label, credential.Block.Type, credential.Label, t})
			}
		}
	}
	return a, true
}

// authorization says whether an authorization was used, or some of its scopes were not. One
// that was not used is one answer: its scopes would only repeat it.
func (a *Answer) authorization(f *File, declared *schema.Authorization) {
	t, _ := f.Authorization(declared.Label)
	if t.Last < a.Since {
		a.Unused = append(a.Unused, Unused{Kind: KindAuthorization, Owner: declared.Label, Tally: t})
		return
	}
	// It was used, and so it is in the file. One request without scopes leaves all of them
	// open.
	used := f.Authorizations[declared.Label]
	if used.Unscoped != nil && used.Unscoped.Last >= a.Since {
		if len(declared.Scopes) > 0 {
			a.Questions = append(a.Questions, Question{declared.Label, *used.Unscoped})
		}
		return
	}
	for _, name := range declared.Scopes {
		var t Tally
		if counted := used.Scopes[name]; counted != nil {
			t = *counted
		}
		if t.Last < a.Since {
			a.Unused = append(a.Unused, Unused{Kind: KindScope, Owner: declared.Label, Label: name, Tally: t})
		}
	}
}

// Of lists what is not used of a kind and an owner, in the order of Unused.
func (a *Answer) Of(kind Kind, owner string) []Unused {
	return slices.DeleteFunc(slices.Clone(a.Unused), func(u Unused) bool { return u.Kind != kind || u.Owner != owner })
}
