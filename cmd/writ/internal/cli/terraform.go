package cli

import (
	"slices"
	"strings"
)

// terraformCommands maps commands of Terraform to a hint about what does the same
// here. Those that writ has too, such as plan and fmt, are not in it.
var terraformCommands = map[string]string{
	"destroy":      "Take the blocks out and run \"writ apply\": what is gone from the files is gone from the next snapshot.",
	"import":       "There is no state to import into: write the block, and \"writ apply\" records its identifier.",
	"state":        "There is no state file: writ.lock.hcl holds the identifiers, and \"writ show\" prints what is in force.",
	"output":       "\"writ show --json\" prints what is in force for machines.",
	"refresh":      "There is nothing to refresh from: the files are the truth. \"writ plan\" holds them against what is in force.",
	"workspace":    "An environment is a file of values and a lockfile: writ plan --var-file FILE --lockfile FILE --snapshot FILE.",
	"taint":        "An identifier is replaced with \"writ plan --replace ADDRESS\"; a key is withdrawn by deleting its file.",
	"test":         "Expectations in *.test.hcl are run by \"writ check\".",
	"force-unlock": "No lock stays behind: the kernel releases it when the program that holds it ends.",
	"providers":    "There are no providers: \"writ schema\" prints every block and attribute.",
	"get":          "There are no modules to get: every *.hcl below the folder is one configuration.",
	"login":        "There is nothing to log in to: writ reads files.",
	"serve":        "\"writ dev\" serves while you edit; writd serves a snapshot.",
	"diff":         "\"writ plan\" shows what would change; \"writ plan --against git:REV\" since a commit.",
}

// terraformFlags maps flags of Terraform to such hints. A flag that a command of writ has
// is found first, and does not get here.
var terraformFlags = map[string]string{
	"no-color":       "Set NO_COLOR=1; what does not go to a terminal has no color anyway.",
	"input":          "Leave it out: nothing is asked where there is no terminal, and --auto-approve asks nothing at all.",
	"target":         "A plan is of the whole configuration, which is one snapshot. Commit what is to be applied.",
	"destroy":        "Take the blocks out instead: what is gone from the files is gone from the next snapshot.",
	"refresh":        "Leave it out: there is nothing to refresh from.",
	"refresh-only":   "Leave it out: there is nothing to refresh from.",
	"lock":           "Leave it out: only \"writ apply\", \"lock\" and \"rollback\" lock the folder, for the moment that they write.",
	"lock-timeout":   "Leave it out: the folder is locked only for the moment that is written.",
	"parallelism":    "Leave it out: files are read in parallel, and nothing is called.",
	"recursive":      "Leave it out: the whole tree is formatted unless paths are named.",
	"write":          "\"writ fmt --check\" writes nothing; --diff beside it shows what would change.",
	"list":           "Leave it out: --check lists what it would change.",
	"state":          "There is no state file: --snapshot names what is in force, --lockfile the identifiers.",
	"backend":        "Leave it out: there is no backend, the lockfile is committed and the snapshot is a file.",
	"backend-config": "Leave it out: there is no backend, the lockfile is committed and the snapshot is a file.",
	"upgrade":        "Leave it out: there are no providers to upgrade.",
	"reconfigure":    "Leave it out: there is no backend.",
}

// elsewhere names the commands that have the flag, when this one has not.
func elsewhere(name string, table []Command) string {
	var found []string
	for _, c := range table {
		if slices.ContainsFunc(slices.Concat(c.Flags, c.configFlags()), func(f Flag) bool { return f.is(name) }) {
			found = append(found, "writ "+c.Name)
		}
	}
	if len(found) == 0 || len(name) == 1 {
		return ""
	}
	return dashed(name) + " is a flag of " + strings.Join(found, ", ") + "."
}
