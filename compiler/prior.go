package compiler

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// PriorOptions are what CheckPrior uses in addition to the two states.
type PriorOptions struct {
	Lock *lockfile.File // for the place of a deleted object; may be nil
	Now  time.Time      // for warnings about keys; the zero time gives none
}

// CheckPrior compares a model with the state before it (nil when there is none).
// It refuses to remove or replace objects that had prevent_destroy. It warns
// about signing keys that verifiers cannot know yet, or still need.
func CheckPrior(m *Model, prior *schema.Document, opts PriorOptions) diag.List {
	if prior == nil {
		return nil
	}
	p := &priorCheck{Model: m, prior: prior, opts: opts}
	p.checkProtectedAPIs()
	p.checkProtectedClients()
	if !opts.Now.IsZero() {
		p.checkAnnounced()
		p.checkKeysGone()
	}
	return p.diags.Sorted()
}

// A priorCheck is one run of CheckPrior.
type priorCheck struct {
	*Model
	prior *schema.Document
	opts  PriorOptions
	diags diag.List
}

// checkProtectedAPIs finds protected APIs by their identifiers, since an API may
// have been renamed in this plan, or in the lockfile since the last one.
func (p *priorCheck) checkProtectedAPIs() {
	there := make(map[string]bool, len(p.Document.APIs))
	for i := range p.Document.APIs {
		there[p.Document.APIs[i].Identifier] = true
	}
	for i := range p.prior.APIs {
		if was := &p.prior.APIs[i]; was.PreventDestroy && !there[was.Identifier] {
			p.reportProtectedLoss(KindAPI, was.Label, "identifier", p.apiIndex, func(n int32) hcl.Range { return p.apis[n].AttrRange("identifier") })
		}
	}
}

// checkProtectedClients is checkProtectedAPIs for clients, found by their client ids.
func (p *priorCheck) checkProtectedClients() {
	there := make(map[string]bool, len(p.Document.Clients))
	for i := range p.Document.Clients {
		there[p.Document.Clients[i].ClientID] = true
	}
	for i := range p.prior.Clients {
		if was := &p.prior.Clients[i]; was.PreventDestroy && !there[was.ClientID] {
			p.reportProtectedLoss(KindClient, was.Label, "client id", p.clientIndex, func(n int32) hcl.Range { return p.clients[n].AttrRange("client_id") })
		}
	}
}

// reportProtectedLoss reports a prevent_destroy object that the plan would
// replace (its label is still in use) or destroy.
func (p *priorCheck) reportProtectedLoss(kind Kind, label, name string, index map[string]int32, nameRange func(int32) hcl.Range) {
	address := Address(kind, label)
	if n, taken := index[label]; taken {
		p.reportReplaced(address, name, nameRange(n))
		return
	}
	p.reportDestroyed(address, p.lockRange(kind, label))
}

// reportDestroyed is about an object whose label is gone too; at is its record.
func (p *priorCheck) reportDestroyed(address string, at hcl.Range) {
	p.diags = append(p.diags, diag.Newf("prevent-destroy", at,
		"%s is gone from the configuration, but the state in use has prevent_destroy = true for it. "+
			"Put it back; to remove it on purpose, first apply it with prevent_destroy = false.", address))
}

// reportReplaced is about an object whose label now has another name in tokens.
func (p *priorCheck) reportReplaced(address, noun string, at hcl.Range) {
	p.diags = append(p.diags, diag.Newf("prevent-destroy", at,
		"%s would be replaced by one with another %s, but the state in use has prevent_destroy = true for it. "+
			"Put the %s back; to replace it on purpose, first apply it with prevent_destroy = false.", address, noun, noun).Titled("Replacement prevented"))
}

// lockRange returns the range of the lockfile's record of a deleted object, or
// the zero range.
func (p *priorCheck) lockRange(kind Kind, label string) hcl.Range {
	if p.opts.Lock == nil {
		return hcl.Range{}
	}
	entries := p.opts.Lock.APIs
	if kind == KindClient {
		entries = p.opts.Lock.Clients
	}
	i, ok := slices.BinarySearchFunc(entries, label, func(e lockfile.Entry, l string) int {
		return cmp.Compare(e.Label, l)
	})
	if !ok {
		return hcl.Range{}
	}
	return entries[i].Range
}

// checkAnnounced warns about a new key that signs before all verifiers can know
// it: they cache the key set for up to announceWindow.
func (p *priorCheck) checkAnnounced() {
	inUse := longestByAlg(p.prior)
	earliest := p.opts.Now.Unix() + announceWindow
	published := keySet(p.prior.SigningKeys)
	for _, key := range p.signingKeys {
		if published[identityOf(&key.SigningKey)] || inUse[key.Alg] == 0 || key.ActivatesAt >= earliest {
			continue
		}
		d := diag.Newf("unsafe-key-schedule", key.AttrRange("activates_at"),
			"%s is new and signs from %s. Verifiers that fetched the key set before it was published refuse its tokens "+
				"until they fetch again. Let it activate at %q or later, %s from now.",
			key.Address, activation(key), schema.FormatTime(earliest), schema.FormatDuration(announceWindow))
		p.diags = append(p.diags, d.Titled("Key signs unannounced").WithSeverity(diag.Warning))
	}
}

// checkKeysGone warns about a key that is removed while tokens signed by it may
// still be valid. It is no error, since a leaked key has to go at once.
func (p *priorCheck) checkKeysGone() {
	inUse := longestByAlg(p.prior)
	now := p.opts.Now.Unix()
	kept := keySet(p.Document.SigningKeys)
	activations := activationsByAlg(p.prior.SigningKeys)
	for i := range p.prior.SigningKeys {
		was := &p.prior.SigningKeys[i]
		unpublished := was.RetiresAt != 0 && was.RetiresAt <= now
		if inUse[was.Alg] == 0 || unpublished || now < was.ActivatesAt || kept[identityOf(was)] {
			continue
		}
		until := min(nextActivation(activations[was.Alg], was.ActivatesAt), now) + inUse[was.Alg] + clockSkew
		if until <= now {
			continue
		}
		d := diag.Newf("unsafe-key-schedule", hcl.Range{},
			"%s is gone from the configuration, but %s tokens that it signed may be valid until %s; verifiers would refuse them. "+
				"Unless the key leaked, keep it until then.",
			Address(KindSigningKey, was.Label), was.Alg, schema.FormatTime(until))
		p.diags = append(p.diags, d.Titled("Key removed early").WithSeverity(diag.Warning))
	}
}

// A keyIdentity identifies a signing key whatever its label.
type keyIdentity struct {
	private schema.SecretRef
	alg     schema.SigningAlg
}

// identityOf is what tells two keys apart.
func identityOf(k *schema.SigningKey) keyIdentity { return keyIdentity{k.PrivateKey, k.Alg} }

// keySet indexes keys by identity.
func keySet(keys []schema.SigningKey) map[keyIdentity]bool {
	set := make(map[keyIdentity]bool, len(keys))
	for i := range keys {
		set[identityOf(&keys[i])] = true
	}
	return set
}

// activationsByAlg returns the sorted times at which the keys of each algorithm
// begin to sign.
func activationsByAlg(keys []schema.SigningKey) map[schema.SigningAlg][]int64 {
	times := make(map[schema.SigningAlg][]int64)
	for i := range keys {
		times[keys[i].Alg] = append(times[keys[i].Alg], keys[i].ActivatesAt)
	}
	for _, t := range times {
		slices.Sort(t)
	}
	return times
}

// nextActivation returns the first of the sorted times after t, or the maximum
// when there is none.
func nextActivation(times []int64, t int64) int64 {
	if i, _ := slices.BinarySearch(times, t+1); i < len(times) {
		return times[i]
	}
	return math.MaxInt64
}

// longestByAlg returns the longest token lifetime of each algorithm in use, in
// seconds.
func longestByAlg(doc *schema.Document) map[schema.SigningAlg]int64 {
	longest := make(map[schema.SigningAlg]int64)
	for i := range doc.APIs {
		longest[doc.APIs[i].Alg] = max(longest[doc.APIs[i].Alg], doc.APIs[i].TokenLifetime)
	}
	return longest
}
