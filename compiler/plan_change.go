package compiler

// An Action is what happens to an object.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionUpdate  Action = "update"
	ActionDelete  Action = "delete"
	ActionReplace Action = "replace" // another identifier or client id under the same label
	ActionRename  Action = "rename"  // another label for the same identifier or client id
)

// An Effect is what a change means to somebody who guards an API.
type Effect string

// The effects, strongest first.
const (
	EffectWiden  Effect = "widen"  // somebody can get or do more than before
	EffectNarrow Effect = "narrow" // somebody can get or do less
	EffectShape  Effect = "shape"  // tokens or answers look different
	EffectText   Effect = "text"   // names, descriptions and guards: no token changes
	EffectNone   Effect = "none"   // a rename
)

// rank orders effects, the strongest first.
func (e Effect) rank() int {
	switch e {
	case EffectWiden:
		return 0
	case EffectNarrow:
		return 1
	case EffectShape:
		return 2
	case EffectText:
		return 3
	}
	return 4
}

// stronger is the one of two effects that an object with both carries.
func stronger(a, b Effect) Effect {
	if b.rank() < a.rank() {
		return b
	}
	return a
}

// A Change is what happens to one object. Before and After never hold the value
// of a credential: of each they say the kind, the label and the window.
type Change struct {
	Address         string            `json:"address"`                    // "api.orders"; of a rename, the new one
	PreviousAddress string            `json:"previous_address,omitempty"` // of a rename
	Action          Action            `json:"action"`
	Effect          Effect            `json:"effect"`               // the strongest effect
	Reason          string            `json:"reason"`               // full sentences
	Before          Object            `json:"before"`               // null for ActionCreate
	After           Object            `json:"after"`                // null for ActionDelete
	Attributes      []AttributeChange `json:"attributes,omitempty"` // of ActionUpdate and ActionReplace
}

// An AttributeChange is what happens to one attribute, or to one nested block,
// of an object.
type AttributeChange struct {
	Name   string `json:"name"`            // "token_lifetime"; "scope", "secret" for a nested block
	Label  string `json:"label,omitempty"` // of a nested block
	Action Action `json:"action"`          // ActionCreate, ActionUpdate or ActionDelete
	Effect Effect `json:"effect"`
	Reason string `json:"reason"`           // full sentences
	Before any    `json:"before,omitempty"` // a value as in Attribute; nil where it is not set or not shown
	After  any    `json:"after,omitempty"`
}
