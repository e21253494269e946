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

// PriorOptions are what CheckPrior knows besides the two states.
type PriorOptions struct {
	Lock *lockfile.File // to point at what is gone; may be nil
	Now  time.Time      // for warnings about keys; the zero time gives none
}

// CheckPrior holds a model against the state before it (nil when there is
// none). It refuses the removal and the replacement of objects whose prior state
// had prevent_destroy, and warns about signing keys that come too suddenly or
// go too early for those who verify.
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

type priorCheck struct {
	*Model
	prior *schema.Document
	opts  PriorOptions
	diags diag.List
}

// checkProtectedAPIs knows an API by its identifier: it may have been renamed
// in this plan, or in the lockfile since the last one.
func (p *priorCheck) checkProtectedAPIs() {
	there := make(map[string]bool, len(p.Document.APIs))
	for i := range p.Document.APIs {
		there[p.Document.APIs[i].Identifier] = true
	}
	for i := range p.prior.APIs {
		if was := &p.prior.APIs[i]; was.PreventDestroy && !there[was.Identifier] {
			p.lostProtected(KindAPI, was.Label, "identifier", p.apiIndex, func(n int32) hcl.Range { return p.apis[n].AttrRange("identifier") })
		}
	}
}

// checkProtectedClients does the same with client ids.
func (p *priorCheck) checkProtectedClients() {
	there := make(map[string]bool, len(p.Document.Clients))
	for i := range p.Document.Clients {
		there[p.Document.Clients[i].ClientID] = true
	}
	for i := range p.prior.Clients {
		if was := &p.prior.Clients[i]; was.PreventDestroy && !there[was.ClientID] {
			p.lostProtected(KindClient, was.Label, "client id", p.clientIndex, func(n int32) hcl.Range { return p.clients[n].AttrRange("client_id") })
		}
	}
}

// lostProtected reports what is gone from under its name: replaced where the
// label stays, else destroyed.
func (p *priorCheck) lostProtected(kind Kind, label, name string, index map[string]int32, nameRange func(int32) hcl.Range) {
	address := Address(kind, label)
	if n, taken := index[label]; taken {
		p.replaced(address, name, nameRange(n))
		return
	}
	p.destroyed(address, p.lockRange(kind, label))
}

func (p *priorCheck) destroyed(address string, at hcl.Range) {
	p.diags = append(p.diags, diag.Newf("prevent-destroy", at,
		"%s is gone from the configuration, but the state in use has prevent_destroy = true for it. "+
			"Put it back; to remove it on purpose, first apply it with prevent_destroy = false.", address))
}

func (p *priorCheck) replaced(address, noun string, at hcl.Range) {
	p.diags = append(p.diags, diag.Newf("prevent-destroy", at,
		"%s would be replaced by one with another %s, but the state in use has prevent_destroy = true for it. "+
			"Put the %s back; to replace it on purpose, first apply it with prevent_destroy = false.", address, noun, noun).Titled("Replacement prevented"))
}

// lockRange is the lockfile's record of something that is gone from the tree.
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

// checkAnnounced warns about a key that signs before those who cached the key
// set can have seen it.
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

// checkKeysGone warns about a key that is removed while tokens that it signed
// may still be presented. A key that leaked has to go at once, so it is no error.
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

// A keyIdentity is what makes a signing key the same one under another label.
type keyIdentity struct {
	private schema.SecretRef
	alg     schema.SigningAlg
}

func identityOf(k *schema.SigningKey) keyIdentity { return keyIdentity{k.PrivateKey, k.Alg} }

func keySet(keys []schema.SigningKey) map[keyIdentity]bool {
	set := make(map[keyIdentity]bool, len(keys))
	for i := range keys {
		set[identityOf(&keys[i])] = true
	}
	return set
}

// activationsByAlg lists when the keys of each algorithm begin to sign, sorted.
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

// nextActivation is the first of the sorted times after t; the end of time when
// there is none.
func nextActivation(times []int64, t int64) int64 {
	if i, _ := slices.BinarySearch(times, t+1); i < len(times) {
		return times[i]
	}
	return math.MaxInt64
}

// longestByAlg is the longest token lifetime, in seconds, of each algorithm in use.
func longestByAlg(doc *schema.Document) map[schema.SigningAlg]int64 {
	longest := make(map[schema.SigningAlg]int64)
	for i := range doc.APIs {
		longest[doc.APIs[i].Alg] = max(longest[doc.APIs[i].Alg], doc.APIs[i].TokenLifetime)
	}
	return longest
}
