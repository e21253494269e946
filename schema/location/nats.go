package location

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/schema/snapshot"
)

// The limits of a connection to NATS.
const (
	natsDial      = 2 * time.Second        // to one server
	natsPing      = 10 * time.Second       // between two; two without an answer end the connection
	natsReconnect = 500 * time.Millisecond // between two attempts, and as much again at random
	natsLook      = 10 * time.Second       // one call of Head, one step of History, one call of a Roster
	natsAnswer    = 2 * time.Second        // until one request is repeated: servers that elect a leader lose some

	maxInline    = 16 << 10  // bytes of a snapshot that its pointer holds itself
	maxPointer   = 64 << 10  // bytes of a pointer; those of two such snapshots have 44 KiB in base64
	roomForChunk = 100       // of those, for the name of a chunk, which is known last
	maxChunk     = 512 << 10 // of an object: the client has at most 4,000 unacknowledged
	chunksAhead  = 8         // of an object, asked for before they are read
	maxHistory   = 10_000    // snapshots in one history
)

// A bucketLocation is a name in a bucket of NATS JetStream. The files are objects in the
// bucket's object store, each named by its SHA-256 and never changed. An entry of the
// key-value store of the same name, the pointer, says which object is the newest; it is
// replaced by compare-and-set. A pointer names the object before it, and each object has its
// own pointer in its metadata: that is the history. A stage is a pointer inside the pointer,
// so that one compare-and-set replaces both.
//
// A change is pushed to followers, as the pointer itself. A small file is in the pointer too,
// so that followers ask nothing; one of one chunk is fetched by one read of a message, since
// the pointer names the chunk; a larger one takes a consumer of the stream, which the servers
// have to make and to end. Reads of a bucket that Put has made go to its leader: another
// server may still have an older pointer, which would look like a change.
type bucketLocation struct {
	address     Address
	conn        *nats.Conn
	js          jetstream.JetStream
	allowUnsafe bool
	connected   chan struct{} // receives when a connection is made, the first or a new one

	// pushed is the pointer that was pushed last, until the next look takes it.
	pushed atomic.Pointer[jetstream.KeyValueEntry]

	// The stores, and the stream under the objects, each once it was found: finding one is a
	// request. nil before.
	kv           atomic.Pointer[jetstream.KeyValue]
	objects      atomic.Pointer[jetstream.ObjectStore]
	objectStream atomic.Pointer[jetstream.Stream]
}

// pointers returns the key-value store that the pointer is in.
func (l *bucketLocation) pointers(ctx context.Context) (jetstream.KeyValue, error) {
	if kv := l.kv.Load(); kv != nil {
		return *kv, nil
	}
	kv, err := ask(ctx, func(ctx context.Context) (jetstream.KeyValue, error) { return l.js.KeyValue(ctx, l.address.bucket) })
	if err == nil {
		l.kv.Store(&kv)
	}
	return kv, err
}

// files returns the object store that the files are in.
func (l *bucketLocation) files(ctx context.Context) (jetstream.ObjectStore, error) {
	if objects := l.objects.Load(); objects != nil {
		return *objects, nil
	}
	objects, err := ask(ctx, func(ctx context.Context) (jetstream.ObjectStore, error) {
		return l.js.ObjectStore(ctx, l.address.bucket)
	})
	if err == nil {
		l.objects.Store(&objects)
	}
	return objects, err
}

// openBucket starts to connect in the background, and goes on until Close. So a server that
// is away is an error of the calls, and none of a start of writd. Files of the login that
// cannot be read are an error at once.
func openBucket(a Address, opts Options) (*bucketLocation, error) {
	l := &bucketLocation{address: a, allowUnsafe: opts.AllowUnsafe, connected: make(chan struct{}, 1)}
	reconnected := func(*nats.Conn) { signal(l.connected) }
	login := natsbucket.Login{Credentials: opts.NATSCredentials, CA: opts.NATSRoots, Certificate: opts.NATSCertificate, PrivateKey: opts.NATSKey}
	var err error
	l.conn, err = a.servers.Connect(login,
		nats.Name(opts.Program),
		nats.Timeout(natsDial),
		nats.PingInterval(natsPing),
		nats.MaxPingsOutstanding(2),
		nats.ReconnectWait(natsReconnect),
		nats.ReconnectJitter(natsReconnect, natsReconnect),
		nats.ConnectHandler(reconnected),
		nats.ReconnectHandler(reconnected),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // LastError has it; nothing is printed
	)
	if err == nil {
		l.js, err = jetstream.New(l.conn)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	return l, nil
}

// signal sends to a channel with room for one, unless it is full: then the receiver will
// learn of it all the same.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *bucketLocation) String() string { return l.address.String() }

func (l *bucketLocation) pace() pace {
	return pace{poll: 5 * time.Minute, retry: time.Second, most: maxBackOff}
}

func (l *bucketLocation) Close() error {
	l.conn.Close()
	return nil
}

// call runs the work of one method within limit, and words its error: an absent bucket or
// pointer is ErrAbsent, the end of the caller's ctx is its error, and running out of limit
// is reported with what the connection last complained of.
func (l *bucketLocation) call(ctx context.Context, operation string, limit time.Duration, work func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := l.ready()
	if err == nil {
		err = work(limited)
	}
	switch {
	case err == nil, errors.Is(err, ErrMoved):
		return err
	case errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		err = ErrAbsent
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		err = fmt.Errorf("no answer within %s", limit)
		if last := l.conn.LastError(); last != nil {
			err = fmt.Errorf("%w: %w", err, last)
		}
	}
	return fmt.Errorf("%s %s: %w", operation, l, err)
}

// ask repeats a request that is not answered, for as long as ctx lasts, and waits twice as
// long each time, since servers that answer late have too much to do already. Each attempt may
// have been carried out although it was not answered, so the request must be safe to repeat.
func ask[T any](ctx context.Context, request func(ctx context.Context) (T, error)) (answer T, err error) {
	for patience := natsAnswer; ; patience *= 2 {
		answer, err = beginWithin(ctx, patience, request)
		if ctx.Err() != nil || !isUnanswered(err) {
			return answer, err
		}
	}
}

// begin starts something that goes on under ctx, such as a watch, and cancels it if it has
// not started within natsAnswer.
func begin[T any](ctx context.Context, start func(ctx context.Context) (T, error)) (T, error) {
	return beginWithin(ctx, natsAnswer, start)
}

// beginWithin is begin with another limit. The context that start gets is not cancelled after
// success, unlike that of context.WithTimeout, because what was started still uses it; it
// ends with ctx.
func beginWithin[T any](ctx context.Context, limit time.Duration, start func(ctx context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	begun, err := start(limited)
	if !late.Stop() && err != nil && ctx.Err() == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(nil)
	}
	return begun, err
}

// isUnanswered reports whether an error says that no answer came.
func isUnanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// ready returns an error when no server is connected, so that a call fails at once instead of
// at its limit, and when the connected server is too old for what is asked of it.
func (l *bucketLocation) ready() error {
	if !l.conn.IsConnected() {
		return fmt.Errorf("no server is connected: %w", cmp.Or(l.conn.LastError(), nats.ErrNoServers))
	}
	return natsbucket.CheckVersion(l.conn.ConnectedServerVersion())
}

// A pointer is the value of the entry in the key-value store, as JSON. Its members are
// format version 1, which other versions of writ and writd read.
type pointer struct {
	Format   string    `json:"format_version"`
	Object   string    `json:"object"` // "sha256:" and hex of the file
	Size     int64     `json:"size"`
	Serial   uint64    `json:"serial"`
	Digest   string    `json:"digest"`
	Previous string    `json:"previous,omitempty"`
	Revision string    `json:"revision,omitempty"`
	Created  time.Time `json:"created"`
	Prior    string    `json:"prior,omitempty"` // object of the snapshot before
	Chunk    string    `json:"chunk,omitempty"` // name of the object's only chunk; absent where it has several
	File     []byte    `json:"file,omitempty"`  // the object itself, where it is small

	Staged  *pointer `json:"staged,omitempty"` // to the snapshot beside this one
	Percent int      `json:"staged_percent,omitempty"`
}

// pointerTo returns the pointer to a snapshot and to what stands beside it.
func pointerTo(h Head) *pointer {
	p := &pointer{Format: pointerFormat, Object: h.Version, Size: h.Size, Serial: h.Serial, Digest: h.Digest,
		Previous: h.Previous, Revision: h.Revision, Created: h.Created, Prior: h.prior, Chunk: h.chunk, File: h.inline}
	if h.Staged != nil {
		p.Staged, p.Percent = pointerTo(h.Staged.Head), h.Staged.Percent
	}
	return p
}

const (
	pointerFormat   = "1"
	pointerMetadata = "writ" // the member of an object's metadata that is its pointer
)

// parsePointer reads a pointer, from the store or from an object's metadata. Anybody who can
// write there may have written it, so that every member is checked.
func parsePointer(value []byte) (Head, error) {
	var p pointer
	if err := json.Unmarshal(value, &p); len(value) > maxPointer || err != nil {
		return Head{}, errNoPointer
	}
	return p.head()
}

// chunkName is what names a chunk: a token of a subject of NATS.
var chunkName = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

var errNoPointer = errors.New("what is there is no pointer to a snapshot")

func (p *pointer) head() (Head, error) {
	switch {
	case p.Digest == "" || p.Object == "":
		return Head{}, errNoPointer
	case p.Format != pointerFormat:
		return Head{}, fmt.Errorf("the pointer is of format %q, and this program reads %q", clean(p.Format), pointerFormat)
	case p.Serial > snapshot.MaxSerial || p.Size < 0 || p.Size > snapshot.MaxSize:
		return Head{}, fmt.Errorf("the pointer is to serial %d of %d bytes, which no snapshot has", p.Serial, p.Size)
	}
	head := Head{Serial: p.Serial, Digest: p.Digest, Previous: p.Previous, Revision: clean(p.Revision), Created: p.Created, Size: p.Size,
		Version: p.Object, prior: p.Prior, inline: p.File}
	if chunkName.MatchString(p.Chunk) { // else the object tells it
		head.chunk = p.Chunk
	}
	if p.Staged != nil {
		staged, err := p.Staged.head()
		if err != nil {
			return Head{}, fmt.Errorf("its stage: %w", err)
		}
		head.Staged = &Stage{Head: staged, Percent: p.Percent}
	}
	return head, head.Staged.check(head)
}

func (l *bucketLocation) Head(ctx context.Context, known Head) (head Head, err error) {
	err = l.call(ctx, "look at", natsLook, func(ctx context.Context) error {
		head, err = l.pointer(ctx, known)
		return err
	})
	return head, err
}

func (l *bucketLocation) pointer(ctx context.Context, known Head) (Head, error) {
	kv, err := l.pointers(ctx)
	if err != nil {
		return Head{}, err
	}
	var entry jetstream.KeyValueEntry
	if pushed := l.pushed.Swap(nil); pushed != nil && (*pushed).Revision() > known.revision {
		entry = *pushed
	} else if entry, err = ask(ctx, func(ctx context.Context) (jetstream.KeyValueEntry, error) { return kv.Get(ctx, l.address.name) }); err != nil {
		return Head{}, err
	}
	if known.revision == entry.Revision() && known.revision > 0 {
		return known, nil
	}
	head, err := parsePointer(entry.Value())
	head.revision = entry.Revision()
	return head, err
}

func (l *bucketLocation) Fetch(ctx context.Context, head Head) (file []byte, err error) {
	err = l.call(ctx, "fetch from", transferTimeout, func(ctx context.Context) error {
		file, err = l.object(ctx, head)
		return err
	})
	return file, err
}

// object fetches the file of a Head, and checks that it is the one that the pointer names, and
// that the pointer said the truth about it.
func (l *bucketLocation) object(ctx context.Context, head Head) ([]byte, error) {
	body, err := l.content(ctx, head)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("the bucket has not the object of %s", head)
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	sum := sha256.New() // of each piece as it comes: hashing it all at once would delay token requests
	file, header, err := receive(io.TeeReader(body, sum), head.Size)
	switch {
	case err != nil:
		return nil, err
	case fmt.Sprintf("sha256:%x", sum.Sum(nil)) != head.Version:
		return nil, fmt.Errorf("the object of %s has another digest than its name", head)
	case header.Serial != head.Serial || header.Digest != head.Digest || header.Previous != head.Previous:
		return nil, fmt.Errorf("the pointer says %s, the snapshot is %s", head, headOf(header))
	}
	return file, nil
}

// content opens the bytes of a snapshot's object. They may be in the pointer. When it names
// the object's only chunk, that is read directly; the object is looked up only if the chunk
// is gone, because somebody has put the same object again since.
func (l *bucketLocation) content(ctx context.Context, head Head) (io.ReadCloser, error) {
	if len(head.inline) > 0 {
		return io.NopCloser(bytes.NewReader(head.inline)), nil
	}
	if head.chunk != "" {
		body, err := l.chunk(ctx, head.chunk)
		if !errors.Is(err, jetstream.ErrMsgNotFound) {
			return body, err
		}
	}
	objects, err := l.files(ctx)
	if err != nil {
		return nil, err
	}
	info, err := ask(ctx, func(ctx context.Context) (*jetstream.ObjectInfo, error) { return objects.GetInfo(ctx, head.Version) })
	if err != nil {
		return nil, err
	}
	if name := soleChunk(info); name != "" {
		return l.chunk(ctx, name)
	}
	return l.chunks(ctx, info)
}

// soleChunk returns the name of an object's only chunk, "" if it has none or several.
func soleChunk(info *jetstream.ObjectInfo) string {
	if info.Chunks != 1 {
		return ""
	}
	return info.NUID
}

// chunkSubject is the subject of an object's chunks (see NATS ADR-20).
func (l *bucketLocation) chunkSubject(name string) string {
	return "$O." + l.address.bucket + ".C." + name
}

// stream returns the stream under the object store.
func (l *bucketLocation) stream(ctx context.Context) (jetstream.Stream, error) {
	if stream := l.objectStream.Load(); stream != nil {
		return *stream, nil
	}
	stream, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return l.js.Stream(ctx, "OBJ_"+l.address.bucket) })
	if err == nil {
		l.objectStream.Store(&stream)
	}
	return stream, err
}

// chunk reads an object's only chunk as the last message of its subject. The client's
// ObjectStore cannot do this without a consumer. What comes is compared with the snapshot's
// digest like any other content.
func (l *bucketLocation) chunk(ctx context.Context, name string) (io.ReadCloser, error) {
	stream, err := l.stream(ctx)
	if err != nil {
		return nil, err
	}
	message, err := ask(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return stream.GetLastMsgForSubject(ctx, l.chunkSubject(name))
	})
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(message.Data)), nil
}

// chunks opens an object of several chunks. Without a consumer it is read all the same.
func (l *bucketLocation) chunks(ctx context.Context, object *jetstream.ObjectInfo) (io.ReadCloser, error) {
	stream, err := l.stream(ctx)
	if err != nil {
		return nil, err
	}
	r := &chunkReader{ctx: ctx, stream: stream, subject: l.chunkSubject(object.NUID), next: 1, left: object.Chunks}
	consumer, err := begin(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{r.subject}, InactiveThreshold: natsLook, MaxResetAttempts: 1,
		})
	})
	if err == nil {
		r.messages, err = consumer.Messages(jetstream.PullMaxMessages(chunksAhead))
	}
	if err != nil {
		r.messages = nil
	}
	return r, nil
}

// A chunkReader reads the chunks of an object one after the other. A consumer is five times as
// fast as asking for each, but is at any of the servers, which may be behind the leader: it
// would have fewer chunks, or none, for as long as that lasts. So the chunks are counted, and
// from the first for which the consumer takes too long the leader is asked. The client's
// ObjectStore does neither.
type chunkReader struct {
	ctx      context.Context           // of the call that reads
	messages jetstream.MessagesContext // of the consumer; nil: the leader is asked
	stream   jetstream.Stream
	subject  string // of the object's chunks
	next     uint64 // no message of the stream before this one is the next chunk
	left     uint32 // chunks that have not come
	chunk    []byte // what is not read yet of the last that came
}

func (r *chunkReader) Read(p []byte) (n int, err error) {
	for len(r.chunk) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if r.chunk, err = r.read(); err != nil {
			return 0, err
		}
		r.left--
	}
	n = copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// read returns the next chunk.
func (r *chunkReader) read() ([]byte, error) {
	if r.messages != nil {
		limited, cancel := context.WithTimeout(r.ctx, natsAnswer)
		message, err := r.messages.Next(jetstream.NextContext(limited))
		cancel()
		var at *jetstream.MsgMetadata
		if err == nil {
			at, err = message.Metadata()
		}
		if err == nil {
			r.next = at.Sequence.Stream + 1
			return message.Data(), nil
		}
		r.Close()
	}
	message, err := ask(r.ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return r.stream.GetMsg(ctx, r.next, jetstream.WithGetMsgSubject(r.subject))
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("of the object's chunks the bucket lacks %d", r.left)
	}
	if err != nil {
		return nil, err
	}
	r.next = message.Sequence + 1
	return message.Data, nil
}

// Close ends the consumer.
func (r *chunkReader) Close() error {
	if r.messages != nil {
		r.messages.Stop()
		r.messages = nil
	}
	return nil
}

// objectName is the name of a file among the objects.
func objectName(file []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(file)) }

func (l *bucketLocation) Put(ctx context.Context, file []byte, prior Head) (next Head, err error) {
	err = l.call(ctx, "put to", transferTimeout, func(ctx context.Context) error {
		next, err = l.put(ctx, file, prior)
		return err
	})
	return next, err
}

// put replaces the pointer by one without a stage. The snapshot before it is the newest one,
// or the staged one if the file was planned against that.
func (l *bucketLocation) put(ctx context.Context, file []byte, prior Head) (Head, error) {
	now, err := l.current(ctx)
	if err != nil {
		return Head{}, err
	}
	next, err := checkPut(l, file, now, prior)
	if err != nil {
		return Head{}, err
	}
	next.Version, next.prior = objectName(file), now.Version
	if now.Staged != nil && next.Previous == now.Staged.Head.Digest {
		next.prior = now.Staged.Head.Version
	}
	return l.replace(ctx, file, next, next, now, prior)
}

// Stage implements Stager.
func (l *bucketLocation) Stage(ctx context.Context, file []byte, prior Head, percent int) (head Head, err error) {
	err = l.call(ctx, "stage at", transferTimeout, func(ctx context.Context) error {
		head, err = l.stage(ctx, file, prior, percent)
		return err
	})
	return head, err
}

func (l *bucketLocation) stage(ctx context.Context, file []byte, prior Head, percent int) (Head, error) {
	now, err := l.current(ctx)
	if err != nil {
		return Head{}, err
	}
	staged, err := checkStage(l, file, now, prior, percent)
	if err != nil {
		return Head{}, err
	}
	staged.Head.Version, staged.Head.prior = objectName(file), now.Version
	next := now
	next.Staged = staged
	return l.replace(ctx, file, staged.Head, next, now, prior)
}

// replace puts the object of a file, and then replaces the pointer to now by the one to next.
// object is the Head of the file itself: next, or the stage of next. The object comes first:
// a pointer never names an object that is not there.
func (l *bucketLocation) replace(ctx context.Context, file []byte, object, next, now, prior Head) (Head, error) {
	kv, objects, err := l.buckets(ctx)
	if err != nil {
		return Head{}, err
	}
	described := &next // the Head of the file, in what the pointer will say
	if next.Version != object.Version {
		described = &next.Staged.Head
	}
	if int64(len(file)) <= min(maxInline, l.conn.MaxPayload()/8) { // the pointer is one message, with room for two
		described.inline = file
	}
	value, err := json.Marshal(pointerTo(next))
	if err != nil {
		return Head{}, err
	}
	if len(value) > maxPointer-roomForChunk {
		return Head{}, refused(fmt.Errorf("its pointer has %d bytes, more than %d", len(value), maxPointer-roomForChunk))
	}
	info, made, err := l.putObject(ctx, objects, object, file)
	if err != nil {
		return Head{}, err
	}
	if described.inline == nil {
		described.chunk = soleChunk(info)
		if value, err = json.Marshal(pointerTo(next)); err != nil {
			return Head{}, err
		}
	}
	next.revision, err = ask(ctx, func(ctx context.Context) (uint64, error) {
		if now.IsZero() {
			return kv.Create(ctx, l.address.name, value) // also over an entry that was deleted
		}
		return kv.Update(ctx, l.address.name, value, now.revision)
	})
	if err == nil {
		return next, nil
	}
	if !made {
		object = Head{}
	}
	return l.afterFailedUpdate(ctx, objects, next, prior, object, err)
}

// putObject puts the file unless the same object, with the same pointer in its metadata, is
// there already. made reports whether it put it; info describes the object that is there
// now.
func (l *bucketLocation) putObject(ctx context.Context, objects jetstream.ObjectStore, next Head, file []byte) (info *jetstream.ObjectInfo, made bool, err error) {
	value, err := json.Marshal(pointerTo(next))
	if err != nil {
		return nil, false, err
	}
	info, err = ask(ctx, func(ctx context.Context) (*jetstream.ObjectInfo, error) { return objects.GetInfo(ctx, next.Version) })
	if err == nil && info.Size == uint64(len(file)) && info.Metadata[pointerMetadata] == string(value) {
		return info, false, nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, false, err
	}
	meta := jetstream.ObjectMeta{
		Name:     next.Version,
		Metadata: map[string]string{pointerMetadata: string(value)},
		Opts:     &jetstream.ObjectMetaOptions{ChunkSize: uint32(min(maxChunk, l.conn.MaxPayload()/2))},
	}
	for range 3 { // each with its part of the time, for the answers that it waits for
		err = func() error {
			ctx, cancel := context.WithTimeout(ctx, transferTimeout/4)
			defer cancel()
			info, err = objects.Put(ctx, meta, bytes.NewReader(file))
			return err
		}()
		if !isUnanswered(err) {
			break
		}
	}
	return info, err == nil, err
}

// afterFailedUpdate finds out what an update of the pointer that returned an error has done.
// If the pointer is ours, the update succeeded and its answer was lost, or another Put of
// the same file was faster: both are success. If the pointer is another one, made, the
// object that this Put has put, is deleted; the zero Head says that it was there before.
func (l *bucketLocation) afterFailedUpdate(ctx context.Context, objects jetstream.ObjectStore, next, prior, made Head, cause error) (Head, error) {
	now, err := l.current(ctx)
	switch {
	case err != nil:
		return Head{}, fmt.Errorf("whether it is there was not seen: %w", cause)
	case now.Same(next) && now.sameStage(next):
		return now, nil
	case !errors.Is(cause, jetstream.ErrKeyRevisionMismatch) && !errors.Is(cause, jetstream.ErrKeyExists):
		return Head{}, cause
	}
	if !made.IsZero() {
		_ = objects.Delete(ctx, made.Version) // the bucket has room for it until somebody else does
	}
	return Head{}, &MovedError{Location: l.String(), Expected: prior, Now: now}
}

// current returns the Head of the pointer, the zero Head when there is none.
func (l *bucketLocation) current(ctx context.Context) (Head, error) {
	head, err := l.pointer(ctx, Head{})
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrBucketNotFound) {
		return Head{}, nil
	}
	return head, err
}

// buckets returns both stores for writing. It makes them if they are missing, and refuses
// those that can forget what they acknowledged.
func (l *bucketLocation) buckets(ctx context.Context) (jetstream.KeyValue, jetstream.ObjectStore, error) {
	name := l.address.bucket
	for _, config := range []jetstream.StreamConfig{
		{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPerSubject: 1, DenyDelete: true},
		{Name: "OBJ_" + name, Subjects: []string{"$O." + name + ".C.>", "$O." + name + ".M.>"}},
	} {
		if err := l.ensureStream(ctx, config); err != nil {
			return nil, nil, err
		}
	}
	kv, err := untilKnown(ctx, l.pointers)
	if err != nil {
		return nil, nil, err
	}
	objects, err := untilKnown(ctx, l.files)
	return kv, objects, err
}

// untilKnown repeats a request about a stream that was just made, by us or by another Put:
// for a moment not all servers of a cluster know of it. It gives up after about 20 seconds.
func untilKnown[T any](ctx context.Context, request func(ctx context.Context) (T, error)) (answer T, err error) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		answer, err = request(ctx)
		if !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrBucketNotFound) || pause > 10*time.Second {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(pause):
		}
	}
}

// ensureStream makes the stream under a store unless there is one, and checks it either way:
// a stream that somebody else has made may be configured otherwise. It makes streams itself,
// because the client's CreateKeyValue and CreateObjectStore set AllowDirect.
func (l *bucketLocation) ensureStream(ctx context.Context, config jetstream.StreamConfig) error {
	config.Description = "snapshots of writ"
	config.Replicas, config.Storage, config.Discard = l.address.replicas, jetstream.FileStorage, jetstream.DiscardNew
	config.AllowRollup, config.AllowDirect = true, false // direct reads are answered by any server, which may be behind
	find := func(ctx context.Context) (jetstream.Stream, error) { return l.js.Stream(ctx, config.Name) }
	stream, err := ask(ctx, find)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := refused(l.checkSafe(config)); err != nil {
			return err
		}
		stream, err = ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return l.js.CreateStream(ctx, config) })
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = untilKnown(ctx, find)
		}
	}
	if err != nil {
		return err
	}
	return refused(l.checkSafe(stream.CachedInfo().Config))
}

// checkSafe refuses a stream that can forget what it acknowledged, unless the operator
// accepts that.
func (l *bucketLocation) checkSafe(c jetstream.StreamConfig) error {
	reasons := natsbucket.Forgetful(c, 0)
	if len(reasons) == 0 || l.allowUnsafe {
		return nil
	}
	return fmt.Errorf("bucket %q is unsafe: %s; %s accepts that", l.address.bucket, strings.Join(reasons, "; "), natsbucket.AllowFlag)
}

func (l *bucketLocation) History(ctx context.Context) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		head, err := l.Head(ctx, Head{})
		for range maxHistory {
			if !yield(head, err) || err != nil || head.prior == "" {
				return
			}
			after := head
			err = l.call(ctx, "read the history of", natsLook, func(ctx context.Context) error {
				head, err = l.predecessor(ctx, after)
				return err
			})
			if errors.Is(err, jetstream.ErrObjectNotFound) {
				return // it was deleted
			}
		}
	}
}

// predecessor returns the snapshot that another was planned against, from the metadata of its
// object. The chain must agree in name, digest and order of serials.
func (l *bucketLocation) predecessor(ctx context.Context, after Head) (Head, error) {
	objects, err := l.files(ctx)
	if err != nil {
		return Head{}, err
	}
	info, err := ask(ctx, func(ctx context.Context) (*jetstream.ObjectInfo, error) { return objects.GetInfo(ctx, after.prior) })
	if err != nil {
		return Head{}, err
	}
	head, err := parsePointer([]byte(info.Metadata[pointerMetadata]))
	if err == nil && (head.Version != after.prior || head.Digest != after.Previous || head.Serial >= after.Serial) {
		err = fmt.Errorf("before %s is %s, and it was planned against %s", after, head, after.Previous)
	}
	return head, err
}

// changes watches the pointer. A watch that ends, or a bucket that is not there yet,
// is tried again. A new connection gets a new watch: it begins with the present pointer, so
// that nothing is missed that was put in between. The goroutine ends with ctx.
func (l *bucketLocation) changes(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	go func() {
		for {
			if l.watch(ctx, changed) {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-l.connected:
			case <-time.After(jitter(5 * time.Second)):
			}
		}
	}()
	return changed
}

// watch watches until the watch breaks or ctx ends. It reports whether the reason is a new
// connection: then the next watch may begin at once.
func (l *bucketLocation) watch(ctx context.Context, changed chan<- struct{}) (reconnected bool) {
	kv, err := l.pointers(ctx)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watcher, err := begin(ctx, func(ctx context.Context) (jetstream.KeyWatcher, error) { return kv.Watch(ctx, l.address.name) })
	if err != nil {
		return false
	}
	defer watcher.Stop()
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return false
			}
			if entry == nil { // the end of what was there before
				continue
			}
			if entry.Operation() == jetstream.KeyValuePut {
				l.pushed.Store(&entry)
			}
			signal(changed)
		case <-l.connected:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
