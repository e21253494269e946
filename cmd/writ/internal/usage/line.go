package usage

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
)

// A line is one decision of the token endpoint, as the audit line has it. Its texts may
// lie in the buffer that the line was read from.
type line struct {
	at Time
	id uint64 // the same for the same line, and for no other

	client, api, method, credential []byte
	asked, granted, authorization   []byte
	refusal, reason, detail         []byte // refusal is the error code, empty for a token that was issued
}

// A member is a member of an audit line that is read.
type member int

const (
	memberTime member = iota
	memberMessage
	memberClient
	memberAPI
	memberGrantType
	memberMethod
	memberCredential
	memberAsked
	memberError
	memberDetail
	memberGranted
	memberAuthorization
	memberJTI
	memberReason
	memberSnapshot
	members
)

// memberOf tells which member has the name. It is written out because the compiler makes
// a jump of it, where a map would be asked twenty times a line.
func memberOf(name []byte) (member, bool) {
	switch string(name) {
	case "time":
		return memberTime, true
	case "msg":
		return memberMessage, true
	case "client":
		return memberClient, true
	case "api":
		return memberAPI, true
	case "grant_type":
		return memberGrantType, true
	case "method":
		return memberMethod, true
	case "credential":
		return memberCredential, true
	case "asked":
		return memberAsked, true
	case "error":
		return memberError, true
	case "detail":
		return memberDetail, true
	case "granted":
		return memberGranted, true
	case "authorization":
		return memberAuthorization, true
	case "jti":
		return memberJTI, true
	case "reason":
		return memberReason, true
	case "snapshot":
		return memberSnapshot, true
	}
	return 0, false
}

// values are the texts of an audit line. nil is a member that is not there. Of a member
// that stands twice the last counts, as encoding/json has it.
type values struct {
	text   [members][]byte
	reused bool // the token was given out before, and so has its jti in several lines
}

const (
	// maxPrefix bounds what a container's log may have before a line, in bytes: the name
	// of a pod, a time, a stream.
	maxPrefix = 512
	// maxName bounds a label, a client id or an identifier, in bytes of text.
	maxName = 2048
)

// parseLine reads a line of a log, without its line break. It returns false for one that
// is no decision of the token endpoint, or is not whole. The text is changed: what is
// escaped once more by a container's log is put right in place.
//
// Lines that jsonlog writes are taken apart in place as long as nothing in them is
// escaped, which takes a tenth of the time that encoding/json does. What is laid out in
// any other way is left to encoding/json; a fuzz test holds that both say the same.
func parseLine(text []byte) (l line, ok bool) {
	text = bytes.TrimLeft(bytes.TrimRight(text, " \t\r"), "\x00") // copytruncate leaves zeros
	start := bytes.IndexByte(text, '{')
	if start < 0 || start > maxPrefix || text[len(text)-1] != '}' || bytes.IndexByte(text[:start], '"') >= 0 {
		return l, false
	}
	text = text[start:]
	if wrapped, found := bytes.CutPrefix(text, []byte(`{"log":"`)); found { // Docker's json-file driver, Fluentd
		if text, ok = unwrap(wrapped); !ok || len(text) == 0 || text[0] != '{' {
			return l, false
		}
		text = bytes.TrimRight(text, "\r\n")
	}
	var v values
	if known, ours := v.scan(text); known {
		if !ours {
			return l, false
		}
	} else if !v.decode(text) {
		return l, false
	}
	return v.line()
}

// unwrap reads the rest of a string of JSON, up to its closing quote. What comes after is
// not looked at: the line itself has to be whole. Escapes are undone in place, except for
// those by number, which Docker has for <, > and & and which encoding/json knows best.
func unwrap(b []byte) (text []byte, ok bool) {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			return b[:n], true
		case c < ' ':
			return nil, false
		case c == '\\':
			if i++; i == len(b) {
				return nil, false
			}
			switch c = b[i]; c {
			case '"', '\\', '/':
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'u':
				if i+4 >= len(b) {
					return nil, false
				}
				var r string // a surrogate is half a character, and no line of ours has one here
				if json.Unmarshal([]byte(`"\u`+string(b[i+1:i+5])+`"`), &r) != nil {
					return nil, false
				}
				n += copy(b[n:], r)
				i += 4
				continue
			default:
				return nil, false
			}
		}
		b[n] = c
		n++
	}
	return nil, false
}

// scan takes a line apart in place. known is false where encoding/json has to say what the
// line is: anything that is escaped, nested, negative or laid out with spaces. ours is true
// for a line that may be a decision of the token endpoint, which line then checks.
func (v *values) scan(b []byte) (known, ours bool) {
	if len(b) == 0 || b[0] != '{' || !isPlain(b) {
		return false, false
	}
	for i := 1; ; {
		if i >= len(b) || b[i] != '"' {
			return false, false
		}
		n := bytes.IndexByte(b[i+1:], '"')
		if n < 0 || i+n+3 >= len(b) || b[i+n+2] != ':' {
			return false, false
		}
		name := b[i+1 : i+1+n]
		i += n + 3
		member, wanted := memberOf(name)
		switch b[i] {
		case '"':
			n := bytes.IndexByte(b[i+1:], '"')
			if n < 0 {
				return false, false
			}
			if wanted {
				v.text[member] = b[i+1 : i+1+n : i+1+n]
				if member == memberMessage && string(v.text[member]) != message {
					return false, false // unless a second msg says otherwise
				}
			} else if string(name) == "reused" {
				return false, false
			}
			i += n + 2
		case 't', 'f':
			word := "true"
			if b[i] == 'f' {
				word = "false"
			}
			if wanted || !bytes.HasPrefix(b[i:], []byte(word)) {
				return false, false
			}
			if string(name) == "reused" {
				v.reused = word == "true"
			}
			i += len(word)
		default: // a whole number without sign
			n := 0
			for i+n < len(b) && '0' <= b[i+n] && b[i+n] <= '9' {
				n++
			}
			if wanted || n == 0 || n > 1 && b[i] == '0' || string(name) == "reused" {
				return false, false
			}
			i += n
		}
		switch {
		case i == len(b)-1 && b[i] == '}':
			return true, true
		case i < len(b) && b[i] == ',':
			i++
		default:
			return false, false
		}
	}
}

// message is what audit lines of the token endpoint have for msg.
const message = "token"

// decode takes a line apart with encoding/json. Members beyond those of writd do no harm:
// whoever ships logs adds some.
func (v *values) decode(b []byte) (ours bool) {
	// Most lines of other programs end here, before they cost an allocation.
	if !bytes.Contains(b, []byte(`"`+message+`"`)) || !bytes.Contains(b, []byte(`"snapshot"`)) {
		return false
	}
	*v = values{}
	var all map[string]any
	if json.Unmarshal(b, &all) != nil {
		return false
	}
	for name, value := range all {
		member, wanted := memberOf([]byte(name))
		switch value := value.(type) {
		case string:
			if wanted {
				v.text[member] = append([]byte{}, value...)
				continue
			}
		case bool:
			if name == "reused" {
				v.reused = value
				continue
			}
		}
		if wanted || name == "reused" {
			return false
		}
	}
	return true
}

// line is the decision that the values tell of.
func (v *values) line() (l line, ok bool) {
	t := &v.text
	if string(t[memberMessage]) != message || len(t[memberReason]) == 0 || t[memberSnapshot] == nil {
		return l, false
	}
	for _, name := range [...]member{memberClient, memberAPI, memberMethod, memberCredential, memberError, memberAuthorization, memberReason} {
		if len(t[name]) > maxName {
			return l, false
		}
	}
	// A token is issued by an authorization, and a refusal has an error code. A line with
	// both or neither is not writd's, whoever wrote it.
	if (len(t[memberAuthorization]) == 0) == (len(t[memberError]) == 0) {
		return l, false
	}
	if l.at, ok = parseTime(t[memberTime]); !ok {
		return l, false
	}
	l.client, l.api, l.method, l.credential = t[memberClient], t[memberAPI], t[memberMethod], t[memberCredential]
	l.asked, l.granted, l.authorization = t[memberAsked], t[memberGranted], t[memberAuthorization]
	l.refusal, l.reason, l.detail = t[memberError], t[memberReason], t[memberDetail]
	// The jti is unique, where the profile of the token has one. The time has nanoseconds,
	// and with the client and what it asked tells all other lines apart.
	if len(t[memberJTI]) > 0 && !v.reused {
		l.id = identify(t[memberJTI])
	} else {
		l.id = identify(t[memberTime], l.client, l.api, t[memberGrantType], l.asked, l.credential, l.reason)
	}
	return l, true
}

// identify is a number that differs for different texts: FNV-1a, and MurmurHash3's
// finalizer for the bits that FNV mixes badly. It is the same in every process.
func identify(texts ...[]byte) uint64 {
	h := uint64(14695981039346656037)
	for _, text := range texts {
		for _, b := range text {
			h = (h ^ uint64(b)) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // no text has this byte
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// isPlain reports whether every byte stands for itself inside of a JSON string: printable
// ASCII but the backslash. It looks at eight bytes at once.
func isPlain(b []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		slash := w ^ ones*'\\' // a zero byte for each backslash
		// The lowest byte that is under ' ' or zero has its high bit set by the
		// subtraction; only bytes above it may borrow.
		if (w|(w-ones*' ')|(slash-ones)&^slash)&highs != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < ' ' || c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// parseTime reads a time as slog writes it (RFC 3339, with a fraction and the offset of
// the machine), in whole seconds. Times before 1970 are refused.
func parseTime(b []byte) (Time, bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) ||
		uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 {
		return 0, false
	}
	rest := b[19:]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		if n == 1 || n > 10 {
			return 0, false
		}
		rest = rest[n:]
	}
	offset := 0
	switch {
	case len(rest) == 1 && rest[0] == 'Z':
	case len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		hours, minutes := digits(rest[1:3]), digits(rest[4:6])
		if uint(hours) > 23 || uint(minutes) > 59 {
			return 0, false
		}
		if offset = hours*3600 + minutes*60; rest[0] == '-' {
			offset = -offset
		}
	default:
		return 0, false
	}
	at := Time(daysBefore(year, month)+day-1)*secondsOfDay + Time(hour*3600+minute*60+second-offset)
	return at, at > 0
}

// digits is a number of ASCII digits, -1 for anything else. Callers pass at most four.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// daysOf is the number of days of a month.
func daysOf(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysBefore is the number of days from 1970 to a month. Years begin in March, so that the
// leap day is the last of its year and the months before it have fixed lengths. 719468 is
// the number of days from March of year 0 to 1970.
func daysBefore(year, month int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 - 719468
}
