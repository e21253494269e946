package quickstart

import "fmt"

// Steps are the commands around the files of a target: what to install, what runs the files
// once they are in place, and what then asks the resource server, with a token in the
// environment variable TOKEN.
type Steps struct{ Install, Run, Call []string }

// Steps returns the commands for an API. The error is that of Supports.
func (t Target) Steps(api API) (Steps, error) {
	p, err := t.page(api)
	if err != nil {
		return Steps{}, err
	}
	s, err := p.steps()
	if err != nil {
		return Steps{}, fmt.Errorf("target %s: %w", t.Name, err)
	}
	return s, nil
}

// steps fills the values of the API into the commands.
func (p page) steps() (s Steps, err error) {
	for _, step := range []struct {
		from []string
		to   *[]string
	}{{p.Target.install, &s.Install}, {p.Target.run, &s.Run}} {
		for _, command := range step.from {
			text, err := fill("command", command, p)
			if err != nil {
				return Steps{}, err
			}
			*step.to = append(*step.to, text)
		}
	}
	s.Call = p.calls()
	return s, nil
}

// calls are the requests to begin with.
func (p page) calls() []string {
	const base, bearer = "http://127.0.0.1:3000", ` -H "Authorization: Bearer $TOKEN"`
	if p.Target.MCP {
		const whoami = ` -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream"` +
			` -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}'`
		return []string{
			"curl -i -X POST " + base + p.Path() + "   # refused, and told where the metadata are",
			"curl -i " + base + p.MetadataPath(),
			"curl -i " + base + p.Path() + bearer + whoami,
		}
	}
	calls := []string{"curl -i " + base + "/api/public", "curl -i " + base + "/api/private" + bearer}
	if p.Scope != "" {
		calls = append(calls, "curl -i "+base+"/api/private-scoped"+bearer)
	}
	return calls
}
