package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// findNearMisses collects the APIs that an unknown identifier may have meant:
// the look-alikes, the API of that label, the other scheme, and failing these
// the identifier with the fewest other characters. The server tells a client less: see
// decide.Refusal.Meant.
func (e *explainer) findNearMisses(asked string) {
	key, swapped := schema.NearKey(asked), schema.NearKey(otherScheme(asked))
	// A label is often typed where the identifier belongs, with its address or without.
	label := strings.TrimPrefix(asked, "api.")
	for i := range e.model.Document.APIs {
		api := &e.model.Document.APIs[i]
		switch address := compiler.Address(compiler.KindAPI, api.Label); schema.NearKey(api.Identifier) {
		case key:
			e.nearMiss(asked, api, "differs from "+address+" "+schema.Difference(asked, api.Identifier))
		case swapped:
			e.nearMiss(asked, api, "differs from "+address+" in the scheme")
		default:
			if api.Label == label {
				e.nearMiss(asked, api, "is the label of "+address+", not its identifier")
			}
		}
	}
	if len(e.out.NearMisses) == 0 {
		e.nearestSpelling(asked)
	}
}

// nearMiss adds an API that may have been meant; reason goes on after the identifier that
// was asked for.
func (e *explainer) nearMiss(asked string, api *schema.API, reason string) {
	_, declared, _ := e.model.API(api.Label)
	e.out.NearMisses = append(e.out.NearMisses, NearMiss{
		API: api.Label, Identifier: api.Identifier, Reason: reason, Range: declared.AttrRange("identifier"),
	})
	e.suggest(fmt.Sprintf("%q %s: ask for %q.", asked, reason, api.Identifier))
}

// nearestSpelling adds the API whose identifier is spelled most nearly alike, if any is
// near enough for schema.Suggest.
func (e *explainer) nearestSpelling(asked string) {
	apis := e.model.Document.APIs
	identifiers := make([]string, len(apis))
	for i := range apis {
		identifiers[i] = apis[i].Identifier
	}
	nearest := schema.Suggest(asked, identifiers)
	if i := slices.Index(identifiers, nearest); nearest != "" && i >= 0 {
		e.nearMiss(asked, &apis[i], "differs from "+compiler.Address(compiler.KindAPI, apis[i].Label)+" in a few characters")
	}
}

// otherScheme is the identifier with http for https or the other way round; any other is
// itself.
func otherScheme(identifier string) string {
	if rest, ok := strings.CutPrefix(identifier, "https:"); ok {
		return "http:" + rest
	}
	if rest, ok := strings.CutPrefix(identifier, "http:"); ok {
		return "https:" + rest
	}
	return identifier
}
