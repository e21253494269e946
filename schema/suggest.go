package schema

import (
	"fmt"
	"strings"
)

// Suggest returns the candidate that an author most likely meant by word, or "". It is the
// candidate with the fewest edits (insert, delete, replace, swap neighbours), of which at
// most one is allowed for each three characters, and three in all. Among equals the first
// wins. If there is none, it is the only candidate that begins or ends with the word, of
// four characters or more: "token_lifetime" for "lifetime".
func Suggest(word string, candidates []string) string {
	limit := min(3, max(1, len(word)/3))
	best, bestDistance := "", limit+1
	for _, c := range candidates {
		if c == word {
			continue
		}
		d := bestDistance
		switch {
		case strings.EqualFold(c, word):
			d = 0
		case abs(len(c)-len(word)) < bestDistance:
			d = editDistance(word, c, bestDistance)
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return onlyLonger(word, candidates)
	}
	return best
}

// DidYouMean is the sentence that offers what Suggest returns, or "" if that is nothing.
func DidYouMean(word string, candidates []string) string {
	if near := Suggest(word, candidates); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	return ""
}

// onlyLonger returns the only candidate that begins or ends with word, or "".
func onlyLonger(word string, candidates []string) (longer string) {
	if len(word) < 4 {
		return ""
	}
	for _, c := range candidates {
		if c == word || !strings.HasPrefix(c, word) && !strings.HasSuffix(c, word) {
			continue
		}
		if longer != "" && c != longer {
			return ""
		}
		longer = c
	}
	return longer
}

// editDistance is the optimal string alignment distance over bytes, or limit
// where it is at least that. It is quick for words that are far apart.
func editDistance(a, b string, limit int) int {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(b) > maxSuggestable {
		return limit
	}
	var rows [3][maxSuggestable + 1]int
	before, prev, row := &rows[0], &rows[1], &rows[2]
	for j := range b {
		prev[j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		// A swap reaches back two rows, so the bound lags by one.
		if least > limit {
			return limit
		}
		before, prev, row = prev, row, before
	}
	return min(limit, prev[len(b)])
}

// maxSuggestable is the longest difference between two words that Suggest
// looks into, in bytes. It bounds the rows, which are on the stack.
const maxSuggestable = 64

// abs is the absolute value.
func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
