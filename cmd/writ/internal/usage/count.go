package usage

import (
	"bytes"
	"iter"
	"maps"
	"slices"
)

// A room is how many more names a file may have: of authorizations, scopes and credentials;
// of refusals after authentication; and of refusals before it. Logs hold whatever names
// callers send, so without bounds a stranger could fill memory and file.
type room struct{ names, refusals, strangers int }

// wholeRoom is the room of an empty file.
var wholeRoom = room{maxNames, maxRefusals, maxStrangers}

// forRefusals is the room for the names of refusals, of clients that had authenticated or
// not. Strangers choose theirs, and must not use up what is there for the others.
func (r *room) forRefusals(authenticated bool) *int {
	if authenticated {
		return &r.refusals
	}
	return &r.strangers
}

// within is entry as long as there is room, and nil when there is none. A name that is in
// the map already takes no room. left is lowered for a new one.
func within[T any, S []byte | string](in *map[string]*T, name S, left *int) *T {
	if found := (*in)[string(name)]; found != nil {
		return found
	}
	if *left <= 0 {
		return nil
	}
	*left--
	return entry(in, name)
}

// entry is the value of a name in a map, which is made where it is not there. The name is
// copied then: it may lie in the buffer of a log.
func entry[T any, S []byte | string](in *map[string]*T, name S) *T {
	found := (*in)[string(name)]
	if found == nil {
		if *in == nil {
			*in = map[string]*T{}
		}
		found = new(T)
		(*in)[string(name)] = found
	}
	return found
}

// The words of audit lines that decide where a line is counted.
const (
	invalidClient = "invalid_client" // the error of a failed authentication
	ungranted     = "ungranted-scope"
	cutOff        = "..." // ends a text that was too long for the line
)

// add counts a line. It returns false when there is no room for its names: the fold then
// fails as a whole, since a file without the rest would call unused what is used.
func (f *File) add(l *line, left *room) bool {
	if f.Lines == 0 || l.at < f.From {
		f.From = l.at
	}
	f.To = max(f.To, l.at)
	f.Lines++
	f.Days.add(l.at.day(), 1, maxDays)
	authenticated := len(l.credential) > 0 && string(l.refusal) != invalidClient
	if authenticated && !f.addCredential(l, left) {
		return false
	}
	if len(l.refusal) > 0 {
		f.addRefusal(l, left, authenticated)
		return true
	}
	a := within(&f.Authorizations, l.authorization, &left.names)
	if a == nil {
		return false
	}
	a.add(l.at)
	return a.addScopes(l, left)
}

// addScopes counts the scopes that were asked for and granted. What an API grants beyond
// that (scope_mode = "all_granted") nobody asked for, and so it does not count as used.
func (a *Authorization) addScopes(l *line, left *room) bool {
	asked := l.asked
	if bytes.HasSuffix(asked, []byte(cutOff)) {
		asked = l.granted // it is the same, unless the API grants more than is asked
	}
	if len(asked) == 0 {
		if a.Unscoped == nil {
			a.Unscoped = new(Tally)
		}
		a.Unscoped.add(l.at)
		return true
	}
	for name := range bytes.SplitSeq(asked, []byte(" ")) {
		if len(name) == 0 || len(name) > maxName {
			continue
		}
		scope := within(&a.Scopes, name, &left.names)
		if scope == nil {
			return false
		}
		scope.add(l.at)
	}
	return true
}

// addCredential counts the credential that authenticated the client, whatever became of
// the request.
func (f *File) addCredential(l *line, left *room) bool {
	block := "secret"
	switch string(l.method) {
	case "private_key_jwt":
		block = "public_key"
	case "federated":
		block = "federated"
	case "tls_client_auth", "self_signed_tls_client_auth":
		block = "certificate"
	}
	// An audit line has the method as OAuth names it; the file has the type of the block
	// that declares the credential, by which a reader finds it.
	credentials := f.Credentials[string(l.client)]
	if credentials == nil {
		credentials = map[string]*Tally{}
		f.Credentials[string(l.client)] = credentials
	}
	key := append(append(make([]byte, 0, 64), block...), '.')
	t := within(&credentials, append(key, l.credential...), &left.names)
	if t == nil {
		return false
	}
	t.add(l.at)
	return true
}

// addRefusal counts a refusal, with its client, API and scopes as far as there is room.
// Without room for them the reason is counted all the same: no number is too low, only
// some are not told apart. The API of a stranger is not looked at, as anybody can name any.
func (f *File) addRefusal(l *line, left *room, authenticated bool) {
	r := within(&f.Refusals, l.reason, &left.names)
	if r == nil {
		return
	}
	r.add(l.at)
	names := left.forRefusals(authenticated)
	c := within(&r.Clients, l.client, names)
	if c == nil {
		return
	}
	c.add(l.at)
	if !authenticated {
		return
	}
	a := within(&c.APIs, l.api, names)
	if a == nil {
		return
	}
	a.add(l.at)
	if string(l.reason) != ungranted {
		return
	}
	for name := range bytes.SplitSeq(l.detail, []byte(" ")) {
		if len(name) == 0 || bytes.HasSuffix(name, []byte(cutOff)) {
			continue
		}
		if scope := within(&a.Scopes, name, names); scope != nil {
			scope.add(l.at)
		}
	}
}

// merge adds what was counted in one log. It returns false when there is no room for its
// names. A log is counted apart from the others until its end, because only its digest
// tells whether it was read before.
func (x *Folding) merge(part *File, count Count) bool {
	f, left := x.file, &x.room
	f.Skipped += count.Skipped
	if part.Lines == 0 {
		return true
	}
	if f.Lines == 0 || part.From < f.From {
		f.From = part.From
	}
	f.To = max(f.To, part.To)
	f.Lines += part.Lines
	for _, d := range part.Days {
		f.Days.add(d.Day, d.Count, maxDays)
	}
	for label, from := range part.Authorizations {
		to := within(&f.Authorizations, label, &left.names)
		if to == nil {
			return false
		}
		to.merge(&from.Tally)
		if from.Unscoped != nil {
			if to.Unscoped == nil {
				to.Unscoped = new(Tally)
			}
			to.Unscoped.merge(from.Unscoped)
		}
		if !mergeAll(&to.Scopes, from.Scopes, &left.names) {
			return false
		}
	}
	for client, from := range part.Credentials {
		to := f.Credentials[client]
		if to == nil {
			to = map[string]*Tally{}
			f.Credentials[client] = to
		}
		if !mergeAll(&to, from, &left.names) {
			return false
		}
	}
	// Refusals are merged in the order of their names, so that the same ones find room
	// whenever the same logs are read.
	for reason, from := range sorted(part.Refusals) {
		if to := within(&f.Refusals, reason, &left.names); to != nil {
			to.merge(&from.Tally)
			to.mergeClients(from, left)
		}
	}
	return true
}

// mergeClients adds the clients of a refusal as far as there is room. A client with APIs had
// authenticated: the names of strangers are counted without.
func (r *Refusal) mergeClients(part *Refusal, left *room) {
	for client, from := range sorted(part.Clients) {
		names := left.forRefusals(len(from.APIs) > 0)
		to := within(&r.Clients, client, names)
		if to == nil {
			continue
		}
		to.merge(&from.Tally)
		for api, from := range sorted(from.APIs) {
			if to := within(&to.APIs, api, names); to != nil {
				to.merge(&from.Tally)
				mergeAll(&to.Scopes, from.Scopes, names)
			}
		}
	}
}

// mergeAll adds tallies by name, in the order of the names, and reports whether there was
// room for all.
func mergeAll(to *map[string]*Tally, from map[string]*Tally, left *int) bool {
	for name, t := range sorted(from) {
		into := within(to, name, left)
		if into == nil {
			return false
		}
		into.merge(t)
	}
	return true
}

// sorted goes through a map in the order of its names.
func sorted[T any](m map[string]*T) iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}
