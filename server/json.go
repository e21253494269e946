package server

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// parseJSON reads a flat JSON object of strings, as Auth0 accepts beside a
// form. null is an absent value. Members of other types are ignored when
// nobody asks for them, so they are kept with a value that nothing equals.
func (f *form) parseJSON(body []byte) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return errMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return errMalformed
	}
	for decoder.More() {
		// A plain decode would fold the case of names and keep the last duplicate.
		name, err := decoder.Token()
		if err != nil {
			return errMalformed
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return errMalformed
		}
		text, ok := value.(string)
		if !ok && value != nil && known[name.(string)] {
			return errMalformed
		}
		if err := f.add(name.(string), text); err != nil {
			return err
		}
	}
	return nil
}

// known are the parameters that mean something at one of the endpoints.
var known = map[string]bool{
	"grant_type": true, "audience": true, "resource": true, "scope": true,
	"client_id": true, "client_secret": true, "client_assertion": true, "client_assertion_type": true,
	"token": true, "token_type_hint": true,
	"subject_token": true, "subject_token_type": true, "actor_token": true, "actor_token_type": true, "requested_token_type": true,
	"assertion": true, "refresh_token": true,
}
