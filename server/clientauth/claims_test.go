package clientauth

import "testing"

func TestClaims(t *testing.T) {
	claims, err := ReadClaims(`{"sub":"a\u00e9","act":{"sub":"b","act":{"sub":"c"}},"n": 1.50 ,"list":["x",["y"]]}`)
	if err != nil {
		t.Fatal(err)
	}
	act, ok := claims.Object("act")
	if sub, isText := act.Text("sub"); !ok || !isText || sub != "b" || string(act.Get("act")) != `{"sub":"c"}` {
		t.Errorf("act: %v %v %q %s", ok, isText, sub, act.Get("act"))
	}
	if sub, ok := claims.Text("sub"); !ok || sub != "a\u00e9" {
		t.Errorf("sub: %q %v", sub, ok)
	}
	if string(claims.Get("n")) != "1.50" || claims.Get("Sub") != nil {
		t.Errorf("n: %s, Sub: %s", claims.Get("n"), claims.Get("Sub"))
	}
	for _, name := range []string{"sub", "n", "list", "absent"} {
		if members, ok := claims.Object(name); ok || members.Get("sub") != nil {
			t.Errorf("%s is an object", name)
		}
	}
	for rule, want := range map[string]bool{"": true, "{}": true, `{"list":"x"}`: true, `{"list":"y"}`: false, `{"list":["y"]}`: true, `{"n":1.50}`: true, `{"n":1.5}`: false, `{`: false, `{"absent":null}`: false} {
		if claims.Says(rule) != want {
			t.Errorf("Says(%s) is %v", rule, !want)
		}
	}
	if !(Claims{}).Says("") || (Claims{}).Says(`{"a":1}`) || (Claims{}).Get("a") != nil {
		t.Error("the zero value says something")
	}
	for _, bad := range []string{"", "[]", `{"a":1,"a":1}`, `{"a":1}x`, "{\"a\":\"\xff\"}"} {
		if _, err := ReadClaims(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
