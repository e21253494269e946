package eval_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema/testenv"
)

// mebibytes is what one evaluation within these steps may allocate in all, most
// of which is garbage by its end. Without the limits each case allocates
// gigabytes, or takes minutes.
const (
	hostileSteps = 3_000_000
	mebibytes    = 140
)

// TestCostIsCounted evaluates what costs much more than it says. Each must end at
// a limit, by the steps that it takes or by a size, before it has allocated much.
func TestCostIsCounted(t *testing.T) {
	testenv.OneByOne(t)
	numbers := `flatten([for i in range(20) : [for j in range(1000) : 1000000000000000 + i * 1000 + j]])`
	for _, src := range []string{
		`[for i in range(20) : length(formatlist("%s%s", flatten([for i in range(40) : range(1000)]), local.long))]`,
		`formatlist("%s%s", range(1000), local.long)`,
		`regexall("` + strings.Repeat("()", 1000) + `", local.long)`,
		`replace(local.long, "/` + strings.Repeat("()", 1000) + `/", "")`,
		`[for i in range(1000) : length(replace(local.long, "/(.)/", "y"))]`,
		`replace(local.long, "/s/", join("", [for i in range(1000) : "$${n}$${n}$${n}$${n}$${n}$${n}$${n}$${n}$${n}"]))`,
		`[for i in range(1000) : [for j in range(1000) : length(regexall("(?i)[\\pL\\pN\\pS]{200}", "a"))]]`,
		`toset(` + numbers + `)`,
		`setunion(` + numbers + `, [])`,
		`setunion([for n in ` + numbers + ` : [n]]...)`,
		`length(true ? ` + numbers + ` : toset([1]))`,
		`toset([for n in ` + numbers + ` : { n = n }])`,
		`[for a in [toset([for j in range(300) : 1000000000000000 + j])] : length(setproduct(a, a))]`,
		`[for i in range(1000) : [for j in range(1000) : length(local.long)]]`,
		`[for i in range(1000) : [for j in range(1000) : length(strrev(local.long))]]`,
		`[for i in range(1000) : [for j in range(1000) : substr(local.long, 1, 1)]]`,
		`[for i in range(1000) : trim(local.long, "é${strrev("t${substr(local.long, 0, 50000)}")}")]`,
		`[for i in range(150) : split("s", local.long)]`,
		`[for s in [toset(flatten([for i in range(5) : [for j in range(1000) : "${i}-${j}"]]))] : [for i in range(1000) : contains(s, "x")]]`,
		`[for s in [toset([for j in range(1000) : { n = j }])] : [for i in range(1000) : s == s]]`,
		`[for s in [toset([for j in range(100) : "${j}"])] : [for i in range(1000) : join("", s)]]`,
		`[for s in [toset(range(1000))] : [for i in range(1000) : [for j in range(1000) : length(s)]]]`,
		`tolist([for i in range(200) : [for j in range(200 + i % 2) : j / 3]])`,
		`true ? [for i in range(200) : [for j in range(200 + i % 2) : j / 3]] : []`,
		`length(true ? [` + numbers + `] : [toset(["a"])])`,
		`coalesce(null, ` + numbers + `, toset(["a"]))`,
		`lookup(tomap({ a = toset(["a"]) }), "z", ` + numbers + `)`,
		`length(yamldecode("a: &a {${join(", ", [for i in range(500) : "k${i}: x"])}}\nb:\n${join("", [for i in range(900) : "- {<<: *a}\n"])}"))`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, l := evaluateWithin(t, src, source.Limits{Steps: hostileSteps})
		runtime.ReadMemStats(&after)
		if len(l) != 1 || l[0].Code != "limit-exceeded" {
			t.Errorf("%.100s: got %v", src, l)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > mebibytes && !testenv.RaceDetector { // under which pools keep nothing
			t.Errorf("%.100s: allocated %d MiB", src, used)
		}
	}
}

// TestNumbersAsTextAreCounted loops over what reads a number from text or writes
// one out without a call that says so.
func TestNumbersAsTextAreCounted(t *testing.T) {
	for _, src := range []string{
		`[for d in ["0.${join("", [for i in range(1000) : "7777777777777777777777777777777777777777777777777777777777"])}"] : [for i in range(1000) : [for j in range(1000) : d < 1]]]`,
		`[for i in range(1000) : [for j in range(1000) : upper(j / 3)]]`,
		`[for i in range(1000) : [for j in range(1000) : try({ a = 1 }[j / 3], 0)]]`,
		`[for i in range(1000) : { for j in range(1000) : (j / 3) => 1 }]`,
		`[for i in range(1000) : [for j in range(1000) : { (j / 3) = 1 }]]`,
		`[for i in range(1000) : [for j in range(1000) : tostring(1e-999)]]`,
		`[for i in range(1000) : [for j in range(1000) : 1e-999 == 1e-998]]`,
		`[for i in range(1000) : [for j in range(1000) : format("%s", 1e-999)]]`,
		`[for i in range(1000) : [for j in range(1000) : formatlist("%s", [1e-999])]]`,
		`[for i in range(1000) : [for j in range(1000) : jsonencode(1e-999)]]`,
		`[for i in range(1000) : [for j in range(1000) : jsondecode("1e-999")]]`,
		`[for i in range(1000) : [for j in range(1000) : try([1]["1e-999"], 0)]]`,
		`[for i in range(1000) : [for j in range(1000) : try(local.map[1e-999], 0)]]`,
	} {
		_, l := evaluateWithin(t, src, source.Limits{Steps: 200_000})
		if code := codeOf(l); code != "limit-exceeded" {
			t.Errorf("%.100s: got %v", src, l)
		}
	}
}

// TestStringsOfOneHash makes sets of strings with one CRC-32, all that two such
// strings are parts of: few are a set like any other, and many are refused.
func TestStringsOfOneHash(t *testing.T) {
	testenv.OneByOne(t)
	for _, call := range []string{"toset(%s)", "setunion(%s, [])", `setsubtract(%s, ["a"])`, `true ? %s : toset(["a"])`} {
		for _, c := range []struct {
			doublings int
			code      string
		}{{6, ""}, {13, "limit-exceeded"}} {
			strs := []string{""}
			for range c.doublings {
				var next []string
				for _, s := range strs {
					next = append(next, s+"xs4ibwwl", s+"adwoqc8j")
				}
				strs = next
			}
			v, l := evaluate(t, fmt.Sprintf(call, `["`+strings.Join(strs, `", "`)+`"]`))
			if code := codeOf(l); code != c.code {
				t.Errorf(call+": %v", fmt.Sprint(len(strs)), l)
			} else if code == "" && v.LengthInt() != len(strs) {
				t.Errorf("%d elements of %d", v.LengthInt(), len(strs))
			}
		}
	}
}

func codeOf(l diag.List) string {
	if len(l) == 0 {
		return ""
	}
	return l[0].Code
}
