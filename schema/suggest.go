package schema

import "strings"

// Suggest returns the candidate that an author who wrote word most likely
// meant, or "" when none is near: the fewest edits (insert, delete, replace,
// swap neighbours), at most one for each three characters and three in all.
// Of equals the first wins.
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
			d = editDistance(word, c)
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance, over bytes.
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
