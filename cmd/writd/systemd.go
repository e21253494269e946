package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/writ-auth/writ/server"
)

// What the service manager is told (sd_notify(3)).
const (
	ready    = sd.SdNotifyReady
	stopping = sd.SdNotifyStopping
)

// reloading begins a reload. With Type=notify-reload systemd waits for a READY
// that comes after this very moment, so that both lines go in one message.
func reloading() string {
	return sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec()
}

// tell sends lines to the service manager, if there is one. That it does not
// listen is no reason to serve no tokens.
func (d *daemon) tell(lines ...string) {
	if _, err := sd.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		d.log.Warn("service manager not told", "reason", err.Error())
	}
}

// summary is the line that "systemctl status" shows.
func (d *daemon) summary() string {
	status := d.server.Status()
	if status.Digest == "" {
		return "STATUS=no snapshot"
	}
	return fmt.Sprintf("STATUS=snapshot %s serial %d", status.Digest, status.Serial)
}

// keepAlive tells the watchdog, twice in the time that it allows, that the
// program runs.
func (d *daemon) keepAlive(ctx context.Context) {
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
			d.tell(sd.SdNotifyWatchdog)
		}
	}
}

// socketPrefix begins an address that names a socket of the service manager's,
// by its FileDescriptorName.
const socketPrefix = "systemd:"

// An inherited holds the sockets that the service manager has opened, by name.
type inherited map[string][]net.Listener

func newInherited() (inherited, error) {
	sockets, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("inherited sockets: %w", err)
	}
	return sockets, nil
}

// listen opens an address, or takes the inherited socket that it names.
func (i inherited) listen(address string) (net.Listener, error) {
	name, ok := strings.CutPrefix(address, socketPrefix)
	if !ok {
		return server.Listen(address)
	}
	sockets := i[name]
	if len(sockets) != 1 {
		return nil, fmt.Errorf("listen on %q: %w", address, errors.New("there is not exactly one inherited socket of that name"))
	}
	delete(i, name)
	return sockets[0], nil
}

// closeRest closes the sockets that no flag names: clients would wait on them.
func (i inherited) closeRest(log *slog.Logger) {
	for name, sockets := range i {
		log.Warn("inherited socket not used: no flag says "+socketPrefix+name, "name", name)
		for _, socket := range sockets {
			socket.Close()
		}
	}
}
