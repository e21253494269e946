package transport

import (
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

func TestMain(m *testing.M) {
	testenv.Isolate() // sockets are in the folder for temporary files
	m.Run()
}
