package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/writ-auth/writ/server"
)

// Messages to the service manager, see sd_notify(3).
const (
	ready    = sd.SdNotifyReady
	stopping = sd.SdNotifyStopping
)

// reloading returns the message that begins a reload. With Type=notify-reload, systemd
// ignores a READY from before the time in this message, and takes the time only together
// with RELOADING: so both lines must be sent as one message.
func reloading() string {
	return sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec()
}

// notify sends lines to the service manager as one message, and does nothing without a
// NOTIFY_SOCKET. An error is only logged: tokens are issued all the same.
func (d *daemon) notify(lines ...string) {
	if _, err := sd.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		d.log.Warn("service manager not told", "reason", err.Error())
	}
}

// summary returns the line that "systemctl status" shows.
func (d *daemon) summary() string {
	status := d.server.Status()
	if status.Digest == "" {
		return "STATUS=no snapshot"
	}
	return fmt.Sprintf("STATUS=snapshot %s serial %d", status.Digest, status.Serial)
}

// feedWatchdog tells the service manager that the program runs, twice in each period of
// WatchdogSec= as sd_watchdog_enabled(3) recommends, until ctx ends. It returns at once when
// there is no watchdog.
func (d *daemon) feedWatchdog(ctx context.Context) {
	allowed, err := sd.SdWatchdogEnabled(false)
	if err != nil || allowed == 0 {
		return
	}
	tick := time.NewTicker(allowed / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.notify(sd.SdNotifyWatchdog)
		}
	}
}

// socketPrefix begins an address that names a socket of the service manager's,
// by its FileDescriptorName.
const socketPrefix = "systemd:"

// inheritedSockets holds the sockets that the service manager has opened and that nobody has
// taken yet, by FileDescriptorName. Several sockets may have one name.
type inheritedSockets map[string][]net.Listener

// takeInherited takes over the sockets that LISTEN_FDS announces, and unsets the variables:
// a second call finds none.
func takeInherited() (inheritedSockets, error) {
	sockets, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("inherited sockets: %w", err)
	}
	return sockets, nil
}

// listen opens an address, or takes the inherited socket that the address names.
func (i inheritedSockets) listen(address string) (net.Listener, error) {
	// A socket is taken once: --listen and --admin cannot share one.
	name, ok := strings.CutPrefix(address, socketPrefix)
	if !ok {
		return server.Listen(address)
	}
	sockets := i[name]
	if len(sockets) != 1 { // with two of that name it is unclear which one is meant
		return nil, fmt.Errorf("listen on %q: there is not exactly one inherited socket of that name", address)
	}
	delete(i, name)
	return sockets[0], nil
}

// closeRest closes the sockets that no flag names. The kernel would go on accepting
// connections to them, and those clients would wait for an answer forever.
func (i inheritedSockets) closeRest(log *slog.Logger) {
	for name, sockets := range i {
		log.Warn("inherited socket not used: no flag says "+socketPrefix+name, "name", name)
		for _, socket := range sockets {
			socket.Close()
		}
	}
}
