package testenv

import "syscall"

// reserve binds a socket and does not listen. The kernel gives its port to no
// connection and to nobody who asks for any port, but lets a program listen there
// that asks for it by number with SO_REUSEADDR, as servers do.
func reserve() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	release = func() { syscall.Close(fd) }
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err == nil { // only now: before, the port might be one that others have bound this way
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	var at syscall.Sockaddr
	if err == nil {
		at, err = syscall.Getsockname(fd)
	}
	if err != nil {
		release()
		return 0, nil, err
	}
	return at.(*syscall.SockaddrInet4).Port, release, nil
}
