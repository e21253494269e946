package clientauth

import "time"

// timeClaims are the time claims of a token (RFC 7519 sections 4.1.4 to 4.1.6), in
// Unix seconds.
type timeClaims struct {
	exp    int64
	iat    int64
	hasIat bool
	from   int64 // by nbf and iat the token is not taken before; 0 when it has neither
}

// times reads the time claims and checks that the token is in force: exp is
// required and has not come, nbf and iat may be absent and have come, each
// within the skew.
func (t *Token) times(now int64) (timeClaims, error) {
	exp, ok := t.claims.Seconds("exp")
	if !ok {
		return timeClaims{}, refuse(ReasonMissingClaim, "exp is not a whole number of seconds")
	}
	read := timeClaims{exp: exp}
	for _, name := range []string{"nbf", "iat"} {
		if t.claims.Get(name) == nil {
			continue
		}
		at, ok := t.claims.Seconds(name)
		switch {
		case !ok:
			return timeClaims{}, refuse(ReasonWrongClaim, "%s is not a whole number of seconds", name)
		case at > now+skew:
			return timeClaims{}, refuse(ReasonTooEarly, "%s is %d seconds ahead", name, at-now)
		case name == "iat":
			read.iat, read.hasIat = at, true
		}
		read.from = max(read.from, at-skew)
	}
	if exp <= now-skew {
		return timeClaims{}, refuse(ReasonExpired, "exp was %d seconds ago", now-exp)
	}
	return read, nil
}

// checkStart refuses what is taken from a time on, in Unix seconds, if it may have been
// used before since, when what was used began to be remembered; the zero time is
// always. A caller's clock may be ahead, so iat alone does not tell: what is from ten
// seconds after since was taken at since already.
//
// fresh is whether it was just made, as far as clocks tell. Then the same caller will
// soon make one that is taken, and the error is a *StartError.
func checkStart(from int64, fresh bool, since time.Time) error {
	if since.IsZero() || !time.Unix(from, 0).Before(since) {
		return nil
	}
	if !fresh {
		return refuse(ReasonBeforeStart, "it may have been used before the start of the server, which forgot what was used")
	}
	start := since.Unix()
	if since.Nanosecond() > 0 {
		start++
	}
	return &StartError{RetryAfter: time.Duration(start-from) * time.Second}
}
