package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/build"
)

// ManCommand prints the manual page of the table.
func ManCommand(table func() []Command) Command {
	return Command{
		Name:    "man",
		Summary: "print the manual page, writ(1), in roff",
		Example: "$ writ man > /usr/local/share/man/man1/writ.1\n$ man writ",
		Run: func(_ context.Context, env *Env, _ []string) error {
			_, err := io.WriteString(env.Out, manPage(env, table()))
			return err
		},
	}
}

// packagedOn is the date that the builder of a package gives its files
// (reproducible-builds.org, SOURCE_DATE_EPOCH), for a build that knows no
// commit. Without one the page has no date, rather than that of the day.
func packagedOn(env *Env) string {
	seconds, err := strconv.ParseInt(env.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil || seconds < 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
}

// manPage is writ(1), made from the table that parses the command line: the page cannot
// lack a command or explain a flag that is not there.
func manPage(env *Env, table []Command) string {
	var page strings.Builder
	b := build.Read()
	date, _, _ := strings.Cut(b.Time, "T")
	if date == "" {
		date = packagedOn(env)
	}
	fmt.Fprintf(&page, ".TH WRIT 1 \"%s\" \"writ %s\"\n", date, roff(b.Version))
	page.WriteString(".SH NAME\nwrit \\- who may get which token, as HCL files in git\n")
	page.WriteString(".SH SYNOPSIS\n.B writ\n.I COMMAND\n[flags]\n.SH COMMANDS\n")
	l := &commandLine{env: env}
	for _, c := range table {
		l.manCommandSection(&page, &c, []string{ProgramName, c.Name})
	}
	page.WriteString(".SH FLAGS OF EVERY COMMAND\n")
	manFlags(&page, l.globalFlags())
	page.WriteString(".SH FLAGS OF EVERY COMMAND THAT TAKES A CONFIGURATION\n")
	manFlags(&page, new(ConfigFlags).flags())
	page.WriteString(".SH EXIT STATUS\n")
	for _, exit := range exitCodes {
		fmt.Fprintf(&page, ".TP\n%d\n%s\n", exit.code, roff(exit.meaning))
	}
	page.WriteString(manEnding)
	return page.String()
}

// manEnding is what the page says after the sections that are made from tables.
const manEnding = `.SH ENVIRONMENT
.TP
NO_COLOR
no colour when set to anything
.TP
FORCE_COLOR, CLICOLOR_FORCE
colour where there is no terminal too, when set to anything but 0
.TP
GITHUB_STEP_SUMMARY
the file to which plan \-\-markdown and \-\-format github add the step's page
.TP
WRIT_CLIENT_SECRET
the client secret of writ token
.SH FILES
writ.lock.hcl, writ.snapshot
.SH SEE ALSO
.BR writd (1)
`

// manCommandSection writes a command, or those of a command that only has commands. Text
// that was laid out by hand keeps its lines (.nf).
func (l *commandLine) manCommandSection(page *strings.Builder, c *Command, path []string) {
	if len(c.Sub) > 0 {
		for _, sub := range c.Sub {
			l.manCommandSection(page, &sub, append(path[:len(path):len(path)], sub.Name))
		}
		return
	}
	fmt.Fprintf(page, ".SS %s\n%s.\n", roff(strings.TrimSuffix(usageLine(c, path), " [flags]")), roff(schema.UpperFirst(c.Summary)))
	if c.About != "" {
		fmt.Fprintf(page, ".PP\n.nf\n%s\n.fi\n", roff(strings.TrimSpace(c.About)))
	}
	manFlags(page, l.ownFlags(c))
	if c.Example != "" {
		fmt.Fprintf(page, ".PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(strings.TrimSpace(c.Example)))
	}
}

// manFlags writes a list of flags with what each does, in the order of the help.
func manFlags(page *strings.Builder, flags []Flag) {
	for i := range flags {
		_, usage := flags[i].usage()
		fmt.Fprintf(page, ".TP\n\\fB%s\\fR\n%s\n", roff(flags[i].syntax()), roff(usage))
	}
}

// roff escapes text: backslashes, hyphens that must stay hyphens, and the
// control characters at the beginning of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
