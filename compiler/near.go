package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// findNearMisses collects the APIs that an unknown identifier may have meant:
// the look-alikes, the API of that label, the other scheme, and failing these
// the identifier with the fewest other characters.
func (e *explainer) findNearMisses() {
	asked := e.req.API
	key, swapped := schema.NearKey(asked), schema.NearKey(otherScheme(asked))
	label := strings.TrimPrefix(asked, string(KindAPI)+".")
	for i := range e.Document.APIs {
		api := &e.Document.APIs[i]
		switch address := e.apis[i].Address; schema.NearKey(api.Identifier) {
		case key:
			e.nearMiss(i, "differs from "+address+" "+schema.Difference(asked, api.Identifier))
		case swapped:
			e.nearMiss(i, "differs from "+address+" in the scheme")
		default:
			if api.Label == label {
				e.nearMiss(i, "is the label of "+address+", not its identifier")
			}
		}
	}
	if len(e.out.NearMisses) == 0 {
		e.nearestSpelling()
	}
}

func (e *explainer) nearMiss(i int, reason string) {
	declared := e.apis[i]
	identifier := e.Document.APIs[i].Identifier
	e.out.NearMisses = append(e.out.NearMisses, NearMiss{
		API: declared.Label, Identifier: identifier, Reason: reason, Range: declared.AttrRange("identifier"),
	})
	e.suggest(fmt.Sprintf("%q %s: ask for %q.", e.req.API, reason, identifier))
}

func (e *explainer) nearestSpelling() {
	identifiers := make([]string, len(e.Document.APIs))
	for i := range e.Document.APIs {
		identifiers[i] = e.Document.APIs[i].Identifier
	}
	nearest := schema.Suggest(e.req.API, identifiers)
	if i := slices.Index(identifiers, nearest); nearest != "" && i >= 0 {
		e.nearMiss(i, "differs from "+e.apis[i].Address+" in a few characters")
	}
}

// otherScheme is the identifier with http for https or the other way round.
func otherScheme(identifier string) string {
	if rest, ok := strings.CutPrefix(identifier, "https:"); ok {
		return "http:" + rest
	}
	if rest, ok := strings.CutPrefix(identifier, "http:"); ok {
		return "https:" + rest
	}
	return identifier
}
