package schema

import "testing"

func TestDifference(t *testing.T) {
	const plain = "https://api.example.com/orders"
	tests := []struct{ other, want string }{
		{"https://api.example.com/orders/", "by a trailing slash"},
		{"https://API.example.com/orders", "by upper and lower case"},
		{"https://api.example.com:443/orders", "by the default port"},
		{"https://api.example.com/%6Frders", "by percent-encoding"},
		{"https://API.example.com:443/%6Frders/", "in how the URL is spelled"},
		{"https://api.example.com/a/../orders", "in how the URL is spelled"},
	}
	for _, tt := range tests {
		if got := Difference(tt.other, plain); got != tt.want {
			t.Errorf("Difference(%q, %q) = %q, want %q", tt.other, plain, got, tt.want)
		}
		if NearKey(tt.other) != NearKey(plain) {
			t.Errorf("%q and %q are no look-alikes", tt.other, plain)
		}
	}
}
