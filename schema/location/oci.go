package location

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/writ-auth/writ/schema/snapshot"
)

// A snapshot in a registry is an image manifest (OCI image specification 1.1) with
// this artifactType, the empty config and one layer of the same media type: the file.
const artifactType = "application/vnd.writ.snapshot.v1"

// Annotations of the manifest, in addition to org.opencontainers.image.created, .revision
// and .source. With them a look needs the manifest alone.
const (
	annotationSerial   = "dev.writ.serial"
	annotationDigest   = "dev.writ.digest"
	annotationPrevious = "dev.writ.previous"

	// Of a stage, in the manifest of the newest snapshot.
	annotationStaged  = "dev.writ.staged" // digest of the staged snapshot's manifest
	annotationPercent = "dev.writ.staged.percent"
)

const (
	maxManifest = 64 << 10        // bytes; ours have less than two thousand
	layerTitle  = "writ.snapshot" // the name under which "oras pull" writes the layer
)

// settle is how long a tag that was moved must stay where it is until the move counts.
// It is meant to be longer than the time between another writer's reading of the tag and its
// moving of it: after settle no such writer is left.
const settle = 2 * time.Second

// A registryLocation is a tag of an OCI registry.
//
// A registry has no compare-and-set. So Put reads the tag before it moves it, and reads it
// again after settle: if it finds another snapshot then, another writer was faster, and
// the error is ErrMoved. The winner gives its manifest a permanent tag, TAG-SERIAL.
// History starts at the moving tag and goes from each snapshot to the permanent tag of the
// one before it, whose digest must be the one that the later one was planned against: so
// it contains no loser.
//
// A stage is named by annotations of the manifest that the moving tag points to. Staging
// thus pushes a second manifest of the newest file, and moves the tag to it. Both Put and
// Stage move the one tag, so one of them wins as above, and a look is still one request.
type registryLocation struct {
	address   Address
	repo      *remote.Repository
	transport *http.Transport // under repo's client, for Close
	source    string          // for the annotation; see Options.Source
	settle    time.Duration   // the constant, or a shorter time in tests
}

// openRegistry returns the location of a tag. It looks for Docker's configuration and asks
// the registry nothing.
func openRegistry(a Address, opts Options) (*registryLocation, error) {
	configs, err := dockerConfig(opts.DockerConfig)
	if err != nil {
		return nil, err
	}
	client, transport := newClient(opts.Roots)
	repo := &remote.Repository{
		Reference:          registry.Reference{Registry: a.registry, Repository: a.repository},
		ManifestMediaTypes: []string{ocispec.MediaTypeImageManifest},
		MaxMetadataBytes:   maxManifest,
		SkipReferrersGC:    true,
		Client: &auth.Client{
			Client:     client,
			Header:     http.Header{"User-Agent": {opts.Program}},
			Cache:      auth.NewCache(),
			ClientID:   opts.Program,
			Credential: configs.credential,
		},
	}
	host, _, err := net.SplitHostPort(a.registry)
	if err != nil {
		host = a.registry
	}
	repo.PlainHTTP = opts.Roots == nil && isLoopback(host)
	return &registryLocation{address: a, repo: repo, transport: transport, source: opts.Source, settle: settle}, nil
}

// A configFile is the path of Docker's config.json, which need not exist; "" is none, and
// then every login is anonymous.
type configFile string

// dockerConfig finds Docker's config.json as Docker does. A path that was given must exist.
func dockerConfig(path string) (configFile, error) {
	if path != "" {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			path = filepath.Join(path, "config.json")
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", fmt.Errorf("read Docker's config: %w", err)
		}
		return configFile(path), nil
	}
	folder := os.Getenv("DOCKER_CONFIG")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", nil // a service without a home logs in nowhere
		}
		folder = filepath.Join(home, ".docker")
	}
	return configFile(filepath.Join(folder, "config.json")), nil
}

// credential returns the credential for a registry. The file is read anew at every login, so
// that a rotated password needs no restart. Errors quote neither the file nor the output of
// a credential helper: either may contain the secret.
func (c configFile) credential(ctx context.Context, host string) (auth.Credential, error) {
	if c == "" {
		return auth.EmptyCredential, nil
	}
	store, err := credentials.NewStore(string(c), credentials.StoreOptions{})
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("config file %q of Docker cannot be read", string(c))
	}
	credential, err := credentials.Credential(store)(ctx, host)
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("config file %q of Docker, or the credential helper that it names, gives no credential for %q", string(c), host)
	}
	return credential, nil
}

func (l *registryLocation) String() string { return l.address.String() }

func (l *registryLocation) Close() error {
	l.transport.CloseIdleConnections()
	return nil
}

// failed names the operation and makes an error of the library fit for a log. It keeps
// *StatusError and ErrMoved recognizable for callers.
func (l *registryLocation) failed(operation string, err error) error {
	var response *errcode.ErrorResponse
	switch {
	case errors.As(err, &response):
		status := &StatusError{Host: l.address.registry, Status: response.StatusCode}
		if len(response.Errors) > 0 {
			status.Detail = clean(response.Errors.Error())
		}
		err = status
	case errors.Is(err, ErrMoved):
		return err
	default:
		err = redacted(err)
	}
	return fmt.Errorf("%s %s: %w", operation, l, err)
}

func (l *registryLocation) Head(ctx context.Context, known Head) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	head, err := l.headOfTag(ctx, l.address.tag, known)
	if err != nil {
		return Head{}, l.failed("look at", err)
	}
	return head, nil
}

// headOfTag is the Head, with its stage, that a tag points to. It returns known after one
// request when the tag still points to its manifest.
func (l *registryLocation) headOfTag(ctx context.Context, tag string, known Head) (Head, error) {
	desc, err := l.repo.Manifests().Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return Head{}, ErrAbsent
	}
	if err != nil {
		return Head{}, err
	}
	if desc.Digest.String() == known.manifest {
		return known, nil
	}
	// Only the answer about the tag says how long a look is fresh. A manifest that is asked
	// for by digest never changes, and its max-age says nothing about the tag.
	ctx = context.WithValue(ctx, cacheHintKey{}, nil)
	head, m, err := l.manifest(ctx, desc)
	if err == nil && m.Annotations[annotationStaged] != "" {
		head.Staged, err = l.readStage(ctx, m)
	}
	if err == nil {
		err = head.Staged.check(head)
	}
	return head, err
}

// readStage reads the stage that a manifest's annotations name. Stage.check judges it.
func (l *registryLocation) readStage(ctx context.Context, m *ocispec.Manifest) (*Stage, error) {
	percent, err := strconv.Atoi(m.Annotations[annotationPercent])
	if err != nil {
		return nil, fmt.Errorf("its annotation %s is no percentage", annotationPercent)
	}
	name := m.Annotations[annotationStaged]
	if digest.Digest(name).Validate() != nil {
		return nil, fmt.Errorf("its annotation %s is no digest", annotationStaged)
	}
	desc, err := l.repo.Manifests().Resolve(ctx, name)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, errors.New("the registry has deleted its stage")
	}
	if err != nil {
		return nil, err
	}
	head, _, err := l.manifest(ctx, desc)
	return &Stage{Head: head, Percent: percent}, err
}

// manifest fetches and checks a manifest. It is requested by its digest and not by a tag,
// which may move meanwhile.
func (l *registryLocation) manifest(ctx context.Context, desc ocispec.Descriptor) (Head, *ocispec.Manifest, error) {
	if desc.MediaType != ocispec.MediaTypeImageManifest {
		return Head{}, nil, fmt.Errorf("it is of media type %q, not %q", clean(desc.MediaType), ocispec.MediaTypeImageManifest)
	}
	if desc.Size > maxManifest {
		return Head{}, nil, fmt.Errorf("its manifest of %d bytes is longer than %d", desc.Size, maxManifest)
	}
	raw, err := content.FetchAll(ctx, l.repo.Manifests(), desc)
	if err != nil {
		return Head{}, nil, err
	}
	m := new(ocispec.Manifest)
	if err := json.Unmarshal(raw, m); err != nil {
		return Head{}, nil, errors.New("its manifest is no JSON of a manifest")
	}
	head, err := headOfManifest(m)
	head.manifest = desc.Digest.String()
	return head, m, err
}

// headOfManifest reads what the annotations say, and refuses what is no snapshot.
func headOfManifest(m *ocispec.Manifest) (Head, error) {
	switch {
	case m.ArtifactType != artifactType:
		return Head{}, fmt.Errorf("it is no snapshot: its artifactType is %q, not %q", clean(m.ArtifactType), artifactType)
	case len(m.Layers) != 1 || m.Layers[0].MediaType != artifactType:
		return Head{}, fmt.Errorf("it is no snapshot: it has not one layer of media type %q", artifactType)
	case m.Layers[0].Size < 0 || m.Layers[0].Size > snapshot.MaxSize:
		return Head{}, fmt.Errorf("its layer of %d bytes is longer than %d, the most that a snapshot has", m.Layers[0].Size, snapshot.MaxSize)
	case m.Layers[0].Digest.Validate() != nil || m.Layers[0].Digest.Algorithm() != digest.SHA256:
		return Head{}, errors.New("its layer has no digest of SHA-256")
	}
	serial, err := strconv.ParseUint(m.Annotations[annotationSerial], 10, 64)
	if err != nil || serial > snapshot.MaxSerial {
		return Head{}, fmt.Errorf("its annotation %s is no serial", annotationSerial)
	}
	created, err := time.Parse(time.RFC3339, m.Annotations[ocispec.AnnotationCreated])
	if err != nil {
		return Head{}, fmt.Errorf("its annotation %s is no time", ocispec.AnnotationCreated)
	}
	head := Head{Serial: serial, Digest: m.Annotations[annotationDigest], Previous: m.Annotations[annotationPrevious],
		Revision: clean(m.Annotations[ocispec.AnnotationRevision]), Created: created.UTC(), Size: m.Layers[0].Size, Version: m.Layers[0].Digest.String()}
	if digest.Digest(head.Digest).Validate() != nil || head.Previous != "" && digest.Digest(head.Previous).Validate() != nil {
		return Head{}, fmt.Errorf("its annotations %s and %s are no digests", annotationDigest, annotationPrevious)
	}
	return head, nil
}

func (l *registryLocation) Fetch(ctx context.Context, head Head) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	file, err := l.fetch(ctx, head)
	if err != nil {
		return nil, l.failed("fetch from", err)
	}
	return file, nil
}

// fetch reads the layer of the manifest that head names, and compares it with the digests of
// layer and snapshot, and its header with the annotations, which were only claims.
func (l *registryLocation) fetch(ctx context.Context, head Head) ([]byte, error) {
	desc, err := l.repo.Manifests().Resolve(ctx, head.manifest)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, fmt.Errorf("the registry has deleted %s", head)
	}
	if err != nil {
		return nil, err
	}
	claimed, m, err := l.manifest(ctx, desc)
	if err != nil {
		return nil, err
	}
	layer := m.Layers[0]
	body, err := l.repo.Blobs().Fetch(ctx, layer)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	verifier := layer.Digest.Verifier()
	file, header, err := receive(io.TeeReader(body, verifier), layer.Size)
	switch {
	case err != nil:
		return nil, err
	case !verifier.Verified():
		return nil, fmt.Errorf("its layer has not the digest %s that the manifest says", layer.Digest)
	case header.Serial != claimed.Serial || header.Digest != claimed.Digest || header.Previous != claimed.Previous:
		return nil, fmt.Errorf("its annotations say %s, the snapshot in it is %s", claimed, headOf(header))
	}
	return file, nil
}

// permanentTag is the tag that a snapshot keeps, TAG-SERIAL, after the moving tag has left it.
func (l *registryLocation) permanentTag(serial uint64) string {
	return l.address.tag + "-" + strconv.FormatUint(serial, 10)
}

func (l *registryLocation) Put(ctx context.Context, file []byte, prior Head) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	next, err := l.put(ctx, file, prior)
	if err != nil {
		return Head{}, l.failed("put to", err)
	}
	return next, nil
}

// put secures the present snapshot's permanent tag, uploads, moves the tag, and waits until
// the move counts. Until the tag has moved, nothing that others see has changed.
func (l *registryLocation) put(ctx context.Context, file []byte, prior Head) (Head, error) {
	now, err := l.current(ctx)
	if err != nil {
		return Head{}, err
	}
	next, err := checkPut(l, file, now, prior)
	if err != nil {
		return Head{}, err
	}
	if err := retryServerErrors(ctx, func() error { return l.ensurePermanentTag(ctx, now) }); err != nil {
		return Head{}, err
	}
	pushed, err := l.push(ctx, file, next)
	if err != nil {
		return Head{}, err
	}
	next.Version, next.manifest = pushed.Layers[0].Digest.String(), pushed.desc.Digest.String()
	if err := l.moveTag(ctx, pushed, now, prior); err != nil {
		return Head{}, err
	}
	return next, l.awaitSettled(ctx, next, pushed, pushed)
}

// Stage implements Stager.
func (l *registryLocation) Stage(ctx context.Context, file []byte, prior Head, percent int) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	head, err := l.stage(ctx, file, prior, percent)
	if err != nil {
		return Head{}, l.failed("stage at", err)
	}
	return head, nil
}

// stage is put with two manifests: one of the staged file, and one of the newest file that
// names the first in its annotations, to which the tag moves.
func (l *registryLocation) stage(ctx context.Context, file []byte, prior Head, percent int) (Head, error) {
	now, err := l.current(ctx)
	if err != nil {
		return Head{}, err
	}
	stage, err := checkStage(l, file, now, prior, percent)
	if err != nil {
		return Head{}, err
	}
	if err := retryServerErrors(ctx, func() error { return l.ensurePermanentTag(ctx, now) }); err != nil {
		return Head{}, err
	}
	beside, err := l.push(ctx, file, stage.Head)
	if err != nil {
		return Head{}, err
	}
	stage.Head.Version, stage.Head.manifest = beside.Layers[0].Digest.String(), beside.desc.Digest.String()
	newest, err := l.repo.Manifests().Resolve(ctx, now.manifest)
	if err != nil {
		return Head{}, err
	}
	_, m, err := l.manifest(ctx, newest)
	if err != nil {
		return Head{}, err
	}
	m.Annotations[annotationStaged], m.Annotations[annotationPercent] = stage.Head.manifest, strconv.Itoa(percent)
	pushed, err := l.pushManifest(ctx, m)
	if err != nil {
		return Head{}, err
	}
	if err := l.moveTag(ctx, pushed, now, prior); err != nil {
		return Head{}, err
	}
	next := now
	next.Staged, next.manifest = stage, pushed.desc.Digest.String()
	return next, l.awaitSettled(ctx, next, pushed, beside)
}

// moveTag points the moving tag to a pushed manifest, if it still points to now. When the
// request succeeded and only its answer was lost, the next attempt finds it done.
func (l *registryLocation) moveTag(ctx context.Context, to *pushedManifest, now, prior Head) error {
	return retryServerErrors(ctx, func() error {
		found, err := l.current(ctx)
		switch {
		case err != nil || found.manifest == to.desc.Digest.String():
			return err
		case found.manifest != now.manifest:
			return &MovedError{Location: l.String(), Expected: prior, Now: found}
		}
		return l.tag(ctx, to, l.address.tag)
	})
}

// tag points a tag to a manifest that the registry has already.
func (l *registryLocation) tag(ctx context.Context, m *pushedManifest, tag string) error {
	return l.repo.Manifests().PushReference(ctx, m.desc, bytes.NewReader(m.raw), tag)
}

// retryServerErrors repeats work, which must be safe to repeat, up to three times while
// the registry answers 5xx: the reference implementation does so when two write at once. An
// answer with Retry-After is left to the caller, since it may ask for minutes.
func retryServerErrors(ctx context.Context, work func() error) error {
	for try := 1; ; try++ {
		err := work()
		status, ok := errors.AsType[*StatusError](err)
		if !ok || status.Status < 500 || status.RetryAfter > 0 || try == 3 {
			return err
		}
		select {
		case <-time.After(jitter(200 * time.Millisecond)):
		case <-ctx.Done():
			return err
		}
	}
}

// current returns the Head of the moving tag, the zero Head when there is none.
func (l *registryLocation) current(ctx context.Context) (Head, error) {
	var head Head
	err := retryServerErrors(ctx, func() (err error) {
		if head, err = l.headOfTag(ctx, l.address.tag, Head{}); errors.Is(err, ErrAbsent) {
			err = nil
		}
		return err
	})
	return head, err
}

// ensurePermanentTag gives the newest snapshot its permanent tag before the next one takes
// its place. The Put that should have done so may have been killed while it waited for
// settle, or a loser may have set the tag last.
func (l *registryLocation) ensurePermanentTag(ctx context.Context, now Head) error {
	if now.IsZero() {
		return nil
	}
	tag := l.permanentTag(now.Serial)
	desc, err := l.repo.Manifests().Resolve(ctx, tag)
	if err == nil {
		if kept, _, err := l.manifest(ctx, desc); err == nil && kept.Same(now) {
			return nil
		}
	} else if !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	desc, err = l.repo.Manifests().Resolve(ctx, now.manifest)
	if err != nil {
		return err
	}
	return l.repo.Manifests().Tag(ctx, desc, tag)
}

// A pushedManifest is a manifest that the registry has, with the bytes that its digest is of.
type pushedManifest struct {
	*ocispec.Manifest
	desc ocispec.Descriptor
	raw  []byte
}

// push uploads the file and its manifest, as far as the registry lacks them. It sets no tag.
func (l *registryLocation) push(ctx context.Context, file []byte, head Head) (*pushedManifest, error) {
	layer := content.NewDescriptorFromBytes(artifactType, file)
	layer.Annotations = map[string]string{ocispec.AnnotationTitle: layerTitle}
	annotations := map[string]string{
		ocispec.AnnotationCreated: head.Created.UTC().Format(time.RFC3339),
		annotationSerial:          strconv.FormatUint(head.Serial, 10),
		annotationDigest:          head.Digest,
	}
	for name, value := range map[string]string{annotationPrevious: head.Previous, ocispec.AnnotationRevision: head.Revision, ocispec.AnnotationSource: l.source} {
		if value != "" {
			annotations[name] = value
		}
	}
	m := &ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType,
		Config:       ocispec.DescriptorEmptyJSON,
		Layers:       []ocispec.Descriptor{layer},
		Annotations:  annotations,
	}
	for _, blob := range []struct {
		desc    ocispec.Descriptor
		content []byte
	}{{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data}, {layer, file}} {
		err := retryServerErrors(ctx, func() error {
			there, err := l.repo.Blobs().Exists(ctx, blob.desc)
			if err != nil || there {
				return err
			}
			return l.repo.Blobs().Push(ctx, blob.desc, bytes.NewReader(blob.content))
		})
		if err != nil {
			return nil, err
		}
	}
	return l.pushManifest(ctx, m)
}

// pushManifest uploads a manifest. Its blobs come first, because registries refuse a manifest
// without them.
func (l *registryLocation) pushManifest(ctx context.Context, m *ocispec.Manifest) (*pushedManifest, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	pushed := &pushedManifest{m, content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, raw), raw}
	return pushed, retryServerErrors(ctx, func() error { return l.repo.Manifests().Push(ctx, pushed.desc, bytes.NewReader(raw)) })
}

// awaitSettled waits until no other writer can still move the tag because of what it read
// before, and then finds out whether next is in the chain: as the newest, or below one
// that came after it and gave it its permanent tag. moved is the manifest that the moving
// tag was pointed to. kept is the one to get the permanent tag: the same, or the staged
// snapshot's.
func (l *registryLocation) awaitSettled(ctx context.Context, next Head, moved, kept *pushedManifest) error {
	timer := time.NewTimer(l.settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("whether it is there for good was not seen: %w", ctx.Err())
	}
	now, err := l.current(ctx)
	if err != nil {
		return fmt.Errorf("whether it is there for good was not seen: %w", err)
	}
	serial := next.Serial
	if next.Staged != nil {
		serial = next.Staged.Head.Serial
	}
	if now.manifest == moved.desc.Digest.String() {
		return retryServerErrors(ctx, func() error { return l.tag(ctx, kept, l.permanentTag(serial)) })
	}
	if now.Serial > serial {
		there, err := l.repo.Manifests().Resolve(ctx, l.permanentTag(serial)) // set by ensurePermanentTag of the later Put
		if err == nil && there.Digest == kept.desc.Digest {
			return nil
		}
	}
	return &MovedError{Location: l.String(), Expected: next, Now: now}
}

func (l *registryLocation) History(ctx context.Context) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		head, err := l.Head(ctx, Head{})
		for {
			if !yield(head, err) || err != nil || head.Previous == "" || head.Serial == 0 {
				return
			}
			after := head
			head, err = l.predecessor(ctx, after)
			if errors.Is(err, ErrAbsent) {
				return // what was before was never here, or is deleted
			}
			if err != nil {
				head, err = Head{}, l.failed("read the history of", err)
			}
		}
	}
}

// predecessor returns the snapshot that another was planned against, ErrAbsent if the registry
// never had it or has deleted it. A tag that holds another snapshot is an error: the chain is
// broken there.
func (l *registryLocation) predecessor(ctx context.Context, after Head) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	head, err := l.headOfTag(ctx, l.permanentTag(after.Serial-1), Head{})
	if err == nil && (head.Digest != after.Previous || head.Serial != after.Serial-1) {
		err = fmt.Errorf("tag %q is %s, and serial %d was planned against %s", l.permanentTag(after.Serial-1), head, after.Serial, after.Previous)
	}
	return head, err
}
