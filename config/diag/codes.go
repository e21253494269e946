package diag

// ExampleSetting is the configuration to which each example of the catalogue is
// added. A block that an example declares itself replaces the block of that name
// here.
const ExampleSetting = `issuer {
  url = "https://auth.example.com/"
}

api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" { description = "Read orders" }
}

client "billing" {
  secret "s" { hash = "env:BILLING" }
}

authorization "billing_orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}

trusted_issuer "github" {
  issuer   = "https://token.actions.githubusercontent.com"
  jwks_uri = "https://token.actions.githubusercontent.com/.well-known/jwks"
}
`

// codes is the catalogue, sorted by name, as LookUp searches it. A code never changes:
// scripts and pipelines compare it. Its meaning says what holds and why, and the remedy what
// to do, without the particulars of one diagnostic: these are in its detail. Tests run each
// example and check that it causes its code and no other.
var codes = [...]Code{
	{
		Name: "access-extended", Severity: Notice, Summary: "Access lasts longer",
		Meaning: "The change lets somebody keep access for longer, or have it earlier or more often, and gives nobody a right that is new: a token lives longer, an authorization ends later.",
		Example: `$ writ plan --format github`,
		Remedy:  "Nothing, if that is what the change is for.",
	},
	{
		Name: "access-gained", Severity: Warning, Summary: "Access gained",
		Meaning: "The change gives a client tokens, or scopes, that it could not get before, or widens in another way what may be reached. The detail says who gains what.",
		Example: `$ writ plan --format github`,
		Remedy:  "Approve the change only if this access is wanted. A policy or an expectation can refuse it from now on.",
	},
	{
		Name: "access-lost", Severity: Warning, Summary: "Access lost",
		Meaning: "The change takes tokens, or scopes, from a client that can get them today. Its requests are refused from the apply on; tokens that it holds stay valid until they expire.",
		Example: `$ writ plan --format github`,
		Remedy:  `Make sure that the client no longer needs it. "writ plan --usage FILE" says when it was used last.`,
	},
	{
		Name: "auth0-profile-untyped", Severity: Warning, Summary: "Tokens without explicit type",
		Meaning: `The API has the token profile "auth0", whose tokens say typ = JWT. A verifier cannot tell such an access token from another kind of JWT (RFC 8725 section 3.11).`,
		Example: `api "reports" {
  identifier    = "https://api.example.com/reports"
  token_profile = "auth0"
}`,
		Remedy: `Choose token_profile = "rfc9068", unless a verifier depends on the Auth0 form.`,
	},
	{
		Name: "busy", Severity: Error, Summary: "Busy",
		Meaning: "Another writ is changing the lockfile and the snapshot of this folder. Two changes at once could undo each other.",
		Example: `$ writ apply --auto-approve & writ apply --auto-approve`,
		Remedy:  "Wait for the other one to end, then run the command again.",
	},
	{
		Name: "command-failed", Severity: Error, Summary: "Command failed",
		Meaning: "The command could not do its work for a reason outside of the configuration, such as an address that cannot be listened on.",
		Example: `$ writ dev --listen 127.0.0.1:99999`,
		Remedy:  "The detail names the operation and what went wrong. Mend that, then run the command again.",
	},
	{
		Name: "covered-subject", Severity: Warning, Summary: "Federated block without effect",
		Meaning: "Every token that a federated block matches is matched by another block of the same client too: removing the one alone takes nothing away.",
		Example: `client "billing" {
  federated "main" {
    trusted_issuer = trusted_issuer.github
    subject        = "repo:acme@1/billing@2:ref:refs/heads/main"
  }
  federated "branches" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:acme@1/billing@2:ref:refs/heads/*"
  }
}`,
		Remedy: "Remove the narrower block, or narrow the other.",
	},
	{
		Name: "credential-added", Severity: Notice, Summary: "Credential added",
		Meaning: "The change adds a credential or a key to what may already be reached: a client's secret, a federated block, a trusted issuer's key. A rotation begins like this.",
		Example: `$ writ plan --format github`,
		Remedy:  "Make sure that whoever holds it is meant to act as the client.",
	},
	{
		Name: "duplicate-authorization", Severity: Error, Summary: "Duplicate authorization",
		Meaning: "Two authorizations connect the same client, API and subject_type. Nothing would say which of them decides.",
		Example: `authorization "again" {
  client = client.billing
  api    = api.orders
  scopes = []
}`,
		Remedy: "Merge them into one block.",
	},
	{
		Name: "duplicate-client-id", Severity: Error, Summary: "Duplicate client id",
		Meaning: "Two clients have the same client_id, or the lockfile records one client_id for two of them. A request names its client by client_id alone.",
		Example: `client "invoices" {
  client_id = "billing"
  secret "s" { hash = "env:INVOICES" }
}

authorization "invoices" {
  client = client.invoices
  api    = api.orders
  scopes = []
}`,
		Remedy: `Give one of them another client_id. In the lockfile, keep one of the two records and run "writ lock".`,
	},
	{
		Name: "duplicate-identifier", Severity: Error, Summary: "Duplicate API identifier",
		Meaning: "Two APIs have the same identifier, or the lockfile records one identifier for two of them. A token names its API by the identifier alone.",
		Example: `api "orders_v2" {
  identifier = "https://api.example.com/orders"
}`,
		Remedy: `Give one of them another identifier. In the lockfile, keep one of the two records and run "writ lock".`,
	},
	{
		Name: "duplicate-issuer", Severity: Error, Summary: "Second issuer",
		Meaning: "A configuration describes one issuer, and there are two issuer blocks.",
		Example: `issuer {
  url = "https://auth.example.com/"
}

issuer {
  url = "https://login.example.com/"
}`,
		Remedy: "Remove one of the blocks. A second issuer has a configuration of its own.",
	},
	{
		Name: "duplicate-name", Severity: Error, Summary: "Duplicate name",
		Meaning: "Something that may stand once stands twice: two blocks of one type have the same label, an attribute or a key is set twice, or the lockfile records an object twice.",
		Example: `api "orders" {
  identifier = "https://api.example.com/orders"
  scope "read:orders" { description = "Read orders" }
}

api "orders" {
  identifier = "https://api.example.com/orders-v2"
}`,
		Remedy: `Remove or rename one of the two. In the lockfile, keep the record of the object that is in use and run "writ lock".`,
	},
	{
		Name: "duplicate-scope", Severity: Error, Summary: "Duplicate scope",
		Meaning: "A scope is declared twice in one API, or stands twice in one list.",
		Example: `authorization "billing_orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders", "read:orders"]
}`,
		Remedy: "Leave one of them out.",
	},
	{
		Name: "duplicate-trusted-issuer", Severity: Error, Summary: "Duplicate trusted issuer",
		Meaning: "Two trusted_issuer blocks accept the tokens of one issuer with the same keys, for the same audience and purpose. Nothing would say which of them decides.",
		Example: `trusted_issuer "github_again" {
  issuer   = "https://token.actions.githubusercontent.com"
  jwks_uri = "https://token.actions.githubusercontent.com/.well-known/jwks"
}`,
		Remedy: "Merge the blocks into one, or give them audiences that differ.",
	},
	{
		Name: "expired-authorization", Severity: Warning, Summary: "Expired authorization",
		Meaning: "The expires_at of an authorization has passed. It grants nothing any more.",
		Example: `authorization "billing_orders" {
  client     = client.billing
  api        = api.orders
  scopes     = ["read:orders"]
  expires_at = "2020-01-01T00:00:00Z"
}`,
		Remedy: "Remove the block, or set a later expires_at.",
	},
	{
		Name: "expired-credential", Severity: Warning, Summary: "Expired credential",
		Meaning: "The expires_at of a credential has passed. The client cannot authenticate with it any more.",
		Example: `client "billing" {
  secret "old" {
    hash       = "env:BILLING_OLD"
    expires_at = "2020-01-01T00:00:00Z"
  }
  secret "new" { hash = "env:BILLING_NEW" }
}`,
		Remedy: `Remove the credential. Where it is the client's last one, add another: "writ secret new" makes a secret.`,
	},
	{
		Name: "expires-soon", Severity: Warning, Summary: "Credential expires soon",
		Meaning: "Within 30 days the client's last credential ends. After that the client cannot authenticate.",
		Example: `# read on 23 November 2026
client "billing" {
  secret "s" {
    hash       = "env:BILLING"
    expires_at = "2026-12-01T00:00:00Z"
  }
}`,
		Remedy: "Add a credential that lasts longer, and remove this one once the client uses the new one.",
	},
	{
		Name: "failed-check", Severity: Error, Summary: "Check does not hold",
		Meaning: "The change contradicts a --check of the command line: somebody gains access, or has access that nobody may have. The detail names the client, the API and the authorization.",
		Example: `$ writ plan --check no-new-access --format github`,
		Remedy:  "Take the access out of the change. If it is wanted, have the change approved in the way that the check stands for.",
	},
	{
		Name: "failed-expectation", Severity: Error, Summary: "Expectation not met",
		Meaning: "A test block of a *.test.hcl file says what a client may get, and the configuration gives something else.",
		Example: `$ writ check --format github`,
		Remedy:  "Correct the configuration, or the expectation if access was meant to change.",
	},
	{
		Name: "file-exists", Severity: Error, Summary: "File exists",
		Meaning: "The command would write a file that is there already. Files that writ did not make itself are never overwritten, and neither are keys.",
		Example: `$ writ init
$ writ init`,
		Remedy: "Name another file or folder.",
	},
	{
		Name: "git-failed", Severity: Error, Summary: "Git failed",
		Meaning: "A command compares with a revision of git, and git could not say what that revision holds.",
		Example: `$ writ plan --against git:no-such-branch`,
		Remedy:  "Run the command inside a git checkout and name a revision that is there, or compare with a snapshot: --against FILE.",
	},
	{
		Name: "graph-too-large", Severity: Error, Summary: "Graph too large",
		Meaning: "The graph has more objects than a picture can show.",
		Example: `$ writ graph --format svg`,
		Remedy:  "Choose a part with --api LABEL or --client LABEL, or print --format dot and use graphviz.",
	},
	{
		Name: "guard-loosened", Severity: Warning, Summary: "Policy or expectation loosened",
		Meaning: "The change removes a policy or an expectation, or lets one refuse less. What it refused until now can come with a later change that nobody looks at as closely.",
		Example: `$ writ plan --against git:origin/main --format github`,
		Remedy:  "Approve it as a change of its own, for a reason of its own.",
	},
	{
		Name: "hs256-shared-key", Severity: Warning, Summary: "Signing secret shared",
		Meaning: "Two APIs are signed with one HS256 secret. HS256 verifies with the key that signs, so whoever verifies tokens for one API can forge tokens for the other.",
		Example: `api "reports" {
  identifier     = "https://api.example.com/reports"
  signing_alg    = "HS256"
  signing_secret = "env:SHARED"
}

api "invoices" {
  identifier     = "https://api.example.com/invoices"
  signing_alg    = "HS256"
  signing_secret = "env:SHARED"
}`,
		Remedy: "Give each API a secret of its own, or choose an asymmetric signing_alg.",
	},
	{
		Name: "identifier-not-uri", Severity: Warning, Summary: "Identifier is no URI",
		Meaning: "The identifier of an API is not an absolute URI. Some libraries accept nothing else as an audience.",
		Example: `api "reports" {
  identifier = "reports"
}`,
		Remedy: `Write a URI, such as "https://api.example.com/reports", while nobody relies on the identifier yet.`,
	},
	{
		Name: "immutable-client-id", Severity: Error, Summary: "Changed client id",
		Meaning: "A client has another client_id than the lockfile records for it. Its deployments would be refused with the old one.",
		Example: `-- billing.hcl --
client "billing" {
  client_id = "billing-2"
  secret "s" { hash = "env:BILLING" }
}
-- writ.lock.hcl --
# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders" }

client "billing" { client_id = "billing" }`,
		Remedy: "Put the client_id back. To replace it on purpose, which retires the old one: writ plan --replace client.billing.",
	},
	{
		Name: "immutable-identifier", Severity: Error, Summary: "Changed identifier",
		Meaning: "An API has another identifier than the lockfile records for it. Clients ask for tokens by it and verifiers compare it with the audience, so both would fail.",
		Example: `-- orders.hcl --
api "orders" {
  identifier = "https://api.example.com/orders/"
  scope "read:orders" { description = "Read orders" }
}
-- writ.lock.hcl --
# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders" }

client "billing" { client_id = "billing" }`,
		Remedy: "Put the identifier back. To replace it on purpose, which retires the old one: writ plan --replace api.orders.",
	},
	{
		Name: "invalid-claim", Severity: Error, Summary: "Invalid custom claim",
		Meaning: "A token cannot carry a custom claim as it is declared: its name is not one that a claim can have, its value has no exact form in JSON, or it is both copied and set.",
		Example: `client "billing" {
  secret "s" { hash = "env:BILLING" }
  claims = { "https://example.com/share" = 1e30 }
}`,
		Remedy: "Write a name and a value that every JSON parser reads alike: numbers as text where they are large.",
	},
	{
		Name: "invalid-client-id", Severity: Error, Summary: "Invalid client_id",
		Meaning: "A client_id has characters or a length that OAuth does not allow, or that would be ambiguous in a token.",
		Example: `client "invoices" {
  client_id = "invoices|main"
  secret "s" { hash = "env:INVOICES" }
}`,
		Remedy: `Write letters, digits and - . _ : for example "invoices-main".`,
	},
	{
		Name: "invalid-expression", Severity: Error, Summary: "Invalid expression",
		Meaning: "An expression cannot be evaluated: an operator does not fit its operands, or an attribute that is read is not there.",
		Example: `locals {
  limit = 1 + "x"
}`,
		Remedy: "The detail says what the expression does wrong at the place that is shown.",
	},
	{
		Name: "invalid-function-call", Severity: Error, Summary: "Invalid function call",
		Meaning: "A function is called that does not exist, or with arguments that it does not take. No function reads a clock, randomness or the environment.",
		Example: `locals {
  name = uper("billing")
}`,
		Remedy: `Correct the name or the arguments: "writ schema" lists the functions. Declare a variable for what comes from outside.`,
	},
	{
		Name: "invalid-identifier", Severity: Error, Summary: "Invalid API identifier",
		Meaning: "The identifier of an API is empty, too long, or has a form that people and programs would read differently.",
		Example: `api "reports" {
  identifier = "https://api.example.com/monthly reports"
}`,
		Remedy: "Write an absolute URI of plain ASCII without spaces, user name or fragment.",
	},
	{
		Name: "invalid-issuer", Severity: Error, Summary: "Invalid issuer URL",
		Meaning: "An issuer is named by a URL that is not allowed: it begins with https, or with http for a loopback host, and has no query and no fragment (RFC 8414 section 2).",
		Example: `trusted_issuer "corp" {
  issuer   = "http://login.corp.example"
  jwks_uri = "https://login.corp.example/jwks"
}`,
		Remedy: "Write the URL exactly as the issuer writes it in its tokens.",
	},
	{
		Name: "invalid-key", Severity: Error, Summary: "Invalid key",
		Meaning: "A key or a set of keys cannot be read, or is too weak or of a kind that nothing here uses; or one private key stands under two labels.",
		Example: `client "billing" {
  public_key "k" {
    jwks = "{}"
  }
}`,
		Remedy: `Give a key of RSA with at least 2048 bits, P-256, P-384, P-521 or Ed25519, a public one as PEM or JWK. "writ keys new" makes one.`,
	},
	{
		Name: "invalid-label", Severity: Error, Summary: "Invalid label",
		Meaning: "A block has no label, too many, or one that is not a name. Labels become part of addresses such as api.orders.",
		Example: `api "monthly reports" {
  identifier = "https://api.example.com/reports"
}`,
		Remedy: "Write one label in quotes of letters, digits, _ and -, beginning with a letter or _.",
	},
	{
		Name: "invalid-lifetime", Severity: Error, Summary: "Invalid lifetime",
		Meaning: "A lifetime is no duration, is outside the range that is allowed, or is longer than what it must fit into.",
		Example: `api "reports" {
  identifier     = "https://api.example.com/reports"
  token_lifetime = "10 minutes"
}`,
		Remedy: `Write a duration in quotes, such as "10m", "24h" or "7d", or a number of seconds, within the range that the detail names.`,
	},
	{
		Name: "invalid-scope", Severity: Error, Summary: "Invalid scope name",
		Meaning: "A scope has characters that a scope cannot have (RFC 6749 section 3.3), or an API has too many scopes.",
		Example: `api "reports" {
  identifier = "https://api.example.com/reports"
  scope "read reports" { description = "Read reports" }
}`,
		Remedy: `Write a name without spaces, quotes and backslashes, such as "read:reports".`,
	},
	{
		Name: "invalid-test", Severity: Error, Summary: "Invalid expectation",
		Meaning: "An expect block asks for what no answer can give, such as a lifetime where nothing is granted, or has no name.",
		Example: `-- orders.test.hcl --
expect "refused" {
  client   = "billing"
  api      = "https://api.example.com/orders"
  granted  = false
  lifetime = 600
}`,
		Remedy: "Expect either a grant, with its scopes, claims and lifetime, or a refusal, with its error.",
	},
	{
		Name: "invalid-time", Severity: Error, Summary: "Invalid time",
		Meaning: "A time is not written as RFC 3339 says, does not exist, or ends something before it begins.",
		Example: `client "billing" {
  secret "s" {
    hash       = "env:BILLING"
    expires_at = "2027-02-30T00:00:00Z"
  }
}`,
		Remedy: `Write date, T, time and zone: "2027-03-01T00:00:00Z".`,
	},
	{
		Name: "invalid-token", Severity: Error, Summary: "Invalid token",
		Meaning: "What was given is not a signed JWT in its compact form, or names nothing to look up.",
		Example: `$ writ verify not-a-token`,
		Remedy:  "Give the whole token: three parts of base64url with dots between them.",
	},
	{
		Name: "invalid-value", Severity: Error, Either: true, Summary: "Invalid attribute value",
		Meaning: "An attribute has a value of the right type that is not among those it may have, or that does not go with another attribute. It is a warning for a flag that has no effect.",
		Example: `client "billing" {
  secret "s" { hash = "env:BILLING" }
  grant_types = ["client_credentials", "password"]
}`,
		Remedy: `The detail lists the values, or says which of the two attributes to leave out. "writ schema" describes each attribute.`,
	},
	{
		Name: "invalid-variable", Severity: Error, Summary: "Invalid variable value",
		Meaning: "A variable has no value, or one that does not fit its type, or a value is given to a variable that is not declared.",
		Example: `variable "environment" {
  type = string
}`,
		Remedy: "Give a value with --var NAME=VALUE or --var-file FILE, or write a default.",
	},
	{
		Name: "limit-exceeded", Severity: Error, Either: true, Summary: "Limit exceeded",
		Meaning: "Something is larger than writ takes: a file, a value, the number of objects, the work of all expressions. The limits keep a hostile configuration from using up the machine. It is a warning where there are more warnings than are shown.",
		Example: `locals {
  digits = 123456789012345678901234567890123
}`,
		Remedy: `Make it smaller or divide it, as the detail says. "writ schema" lists the limits.`,
	},
	{
		Name: "lock-conflict", Severity: Error, Summary: "Unresolved merge conflict",
		Meaning: "The lockfile has the marks that git leaves around a conflict.",
		Example: `$ git merge other-branch
$ writ lock`,
		Remedy: `Keep the lines of both sides without the marks and run "writ lock", which sorts them and says which records contradict each other.`,
	},
	{
		Name: "lock-missing", Severity: Error, Either: true, Summary: "Lockfile is missing",
		Meaning: "There is a snapshot but no lockfile, so nothing guards the identifiers that are in use. It is a warning where --lockfile names a file that is not there.",
		Example: `$ rm writ.lock.hcl
$ writ plan`,
		Remedy: `Restore it from git. Where it is in no commit, run "writ lock": it records what the snapshot serves.`,
	},
	{
		Name: "lock-not-canonical", Severity: Error, Summary: "Lockfile not in order",
		Meaning: "The lockfile is not as writ writes it. Its records are sorted and each is one line, so that a merge is either clean or seen.",
		Example: `$ echo "# mine" >> writ.lock.hcl
$ writ plan`,
		Remedy: `Run "writ lock" to put it in order, and read what that changes.`,
	},
	{
		Name: "lock-out-of-date", Severity: Error, Summary: "Lockfile out of date",
		Meaning: "With --locked the lockfile must not change, and the configuration has something that it does not record.",
		Example: `$ writ plan --locked`,
		Remedy:  `Run "writ lock" and commit the file.`,
	},
	{
		Name: "lock-rebuilt", Severity: Warning, Summary: "Retired identifiers unknown",
		Meaning: "The lockfile was made anew from the snapshot. The snapshot does not say which identifiers were retired, so nothing keeps them from coming back.",
		Example: `$ rm writ.lock.hcl
$ writ lock`,
		Remedy: "Restore the lockfile from git instead where it can be had.",
	},
	{
		Name: "lock-version", Severity: Error, Summary: "Unknown lockfile version",
		Meaning: "The lockfile has a format that this writ does not read.",
		Example: `$ sed -i 's/version = 1/version = 99/' writ.lock.hcl
$ writ plan`,
		Remedy: "Upgrade writ where the version is newer; otherwise restore the file from git.",
	},
	{
		Name: "long-lifetime", Severity: Warning, Summary: "Long token lifetime",
		Meaning: "Tokens live longer than a day. A token cannot be taken back before it expires, so whoever steals one has it that long.",
		Example: `api "reports" {
  identifier     = "https://api.example.com/reports"
  token_lifetime = "7d"
}`,
		Remedy: "Choose 1d or less.",
	},
	{
		Name: "loose-subject-pattern", Severity: Warning, Summary: "Loose subject pattern",
		Meaning: "A subject_pattern may match subjects that others can choose, such as the names of foreign repositories.",
		Example: `client "billing" {
  federated "ci" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:example@1/billing*:ref:refs/heads/main"
  }
}`,
		Remedy: "Write out what names the owner, and leave the * to what only the owner can choose.",
	},
	{
		Name: "missing-attribute", Severity: Error, Summary: "Missing required attribute",
		Meaning: "A block lacks an attribute, or one of several, that it needs.",
		Example: `api "reports" {
  name = "Reports"
}`,
		Remedy: `Write the attribute that the detail names. "writ schema" says what each block needs.`,
	},
	{
		Name: "missing-grant", Severity: Warning, Summary: "Grant not allowed",
		Meaning: "An authorization needs a grant that its client's grant_types do not have, so it can never be used.",
		Example: `client "billing" {
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
  secret "s" { hash = "env:BILLING" }
}

trusted_issuer "corp" {
  issuer      = "https://login.corp.example"
  jwks_uri    = "https://login.corp.example/jwks"
  vouches_for = ["user"]
}`,
		Remedy: "Add the grant to the client's grant_types, or remove the authorization.",
	},
	{
		Name: "missing-issuer", Severity: Error, Summary: "No issuer declared",
		Meaning: "No file of the configuration has an issuer block, or there are no files. Tokens are issued in the name of the issuer.",
		Example: `$ mkdir empty
$ writ validate --chdir empty`,
		Remedy: `Write an issuer block with its url. "writ init" writes a small configuration; --chdir names the folder of another one.`,
	},
	{
		Name: "missing-signing-secret", Severity: Error, Summary: "Missing signing secret",
		Meaning: "An API signs with HS256, which needs a secret that the API's verifiers hold too, and has none.",
		Example: `api "reports" {
  identifier  = "https://api.example.com/reports"
  signing_alg = "HS256"
}`,
		Remedy: `Set signing_secret = "env:NAME" or "file:NAME", or choose an asymmetric signing_alg.`,
	},
	{
		Name: "mutable-subject", Severity: Warning, Summary: "Mutable GitHub subject",
		Meaning: "A federated block names a repository of GitHub by its name. Whoever registers the name, once its owner has given it up or renamed it, gets the tokens that match.",
		Example: `client "billing" {
  federated "ci" {
    trusted_issuer = trusted_issuer.github
    subject        = "repo:acme/billing:ref:refs/heads/main"
  }
}`,
		Remedy: "Write the immutable form repo:OWNER@ID/NAME@ID:..., where the repository has it, or demand the claim repository_owner_id or repository_id.",
	},
	{
		Name: "near-identifier", Severity: Warning, Summary: "Look-alike API identifiers",
		Meaning: "Two identifiers differ only by what people overlook, such as a trailing slash. They are different audiences: a token for one is refused by the other.",
		Example: `api "orders_again" {
  identifier = "https://api.example.com/orders/"
}`,
		Remedy: "Choose identifiers that differ more. Where both are meant, write distinct_from = [api.orders].",
	},
	{
		Name: "no-credential", Severity: Error, Summary: "Client cannot authenticate",
		Meaning: "A client uses a grant or introspects tokens, and has nothing to authenticate with.",
		Example: `client "billing" {
  name = "Billing"
}`,
		Remedy: `Add a secret, a public_key, a certificate or a federated block. "writ secret new billing" makes a secret.`,
	},
	{
		Name: "no-usage", Severity: Error, Summary: "No logs of the time",
		Meaning: "It was asked what nobody used in a period, and writ.usage.json holds no line of a log of that time. Everything would be called unused.",
		Example: `$ writ usage --unused 90d`,
		Remedy:  "Fold the logs of that time with writ usage LOG..., or ask about a longer one.",
	},
	{
		Name: "no-user-issuer", Severity: Warning, Summary: "No issuer of users",
		Meaning: "An authorization is for users, and no trusted_issuer vouches for any. There is no user's token to exchange.",
		Example: `client "portal" {
  grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
  secret "s" { hash = "env:PORTAL" }
}

authorization "portal" {
  client       = client.portal
  api          = api.orders
  subject_type = "user"
  scopes       = []
}`,
		Remedy: `Declare where users sign in as a trusted_issuer with vouches_for = ["user"].`,
	},
	{
		Name: "not-approved", Severity: Error, Summary: "Not approved",
		Meaning: `An apply was not confirmed: the answer was not "yes", or there was no terminal to ask at. Nothing was written.`,
		Example: `$ writ apply < /dev/null`,
		Remedy:  "Answer at a terminal, apply a saved plan, or pass --auto-approve.",
	},
	{
		Name: "not-durable", Severity: Error, Summary: "Not durable",
		Meaning: "The files are written, but the system could not confirm that they are on the disk. A power failure may bring the old ones back.",
		Example: `$ writ apply --auto-approve   # on a disk that fails`,
		Remedy:  "Check the disk. A second run has nothing to do once it is sound.",
	},
	{
		Name: "offline-access-not-allowed", Severity: Error, Summary: "Offline access not allowed",
		Meaning: "Something asks for refresh tokens at an API that does not allow them.",
		Example: `authorization "billing_orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders", "offline_access"]
}`,
		Remedy: "Remove what asks for them. To allow it, set allow_offline_access = true at the API and list refresh_token in the grant_types of the client; offline_access is never among the scopes of an authorization.",
	},
	{
		Name: "offline-access-unused", Severity: Warning, Summary: "Offline access unused",
		Meaning: "An API allows refresh tokens, or a client has the grant, and nothing can ever get one: they are for users alone.",
		Example: `client "billing" {
  grant_types = ["client_credentials", "refresh_token"]
  secret "s" { hash = "env:BILLING" }
}`,
		Remedy: "Remove it, or add what is missing: allow_offline_access, the grant refresh_token, and an authorization for users.",
	},
	{
		Name: "overlapping-subjects", Severity: Warning, Summary: "Token of two clients",
		Meaning: "One token of a trusted issuer matches the federated blocks of two clients, so that its holder can act as either of them.",
		Example: `client "billing" {
  federated "ci" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:acme@1/*:environment:prod"
  }
}
client "reports" {
  federated "ci" {
    trusted_issuer = trusted_issuer.github
    subject        = "repo:acme@1/reports@3:environment:prod"
  }
}
authorization "reports_orders" {
  client = client.reports
  api    = api.orders
  scopes = []
}`,
		Remedy: "Write out subjects that tell the clients apart, or demand claims with different values.",
	},
	{
		Name: "own-issuer", Severity: Error, Summary: "Issuer trusts itself",
		Meaning: "A trusted_issuer names the issuer of this configuration. An API that is sent one of our access tokens could then log in with it as the client.",
		Example: `trusted_issuer "ourselves" {
  issuer   = "https://auth.example.com/"
  jwks_uri = "https://auth.example.com/.well-known/jwks.json"
}`,
		Remedy: "Remove the block. Let clients authenticate by a public_key, a certificate, a secret or another issuer's tokens.",
	},
	{
		Name: "plaintext-secret", Severity: Error, Summary: "Secret in plain text",
		Meaning: "A secret stands in the configuration. Everyone who reads the repository, now or later, would have it.",
		Example: `client "billing" {
  secret "s" { hash = "hunter2" }
}`,
		Remedy: `Take it out of use, as git keeps it. Write env:NAME or file:NAME, or a hash that "writ secret new" prints.`,
	},
	{
		Name: "plan-invalid", Severity: Error, Summary: "Plan invalid",
		Meaning: "A saved plan cannot be read, or what it says is not what this writ makes of the files.",
		Example: `$ writ plan --out plan.json
$ echo "{}" > plan.json
$ writ apply plan.json`,
		Remedy: "Make it anew: writ plan --out FILE.",
	},
	{
		Name: "plan-stale", Severity: Error, Summary: "Plan stale",
		Meaning: "The configuration, the lockfile or the snapshot changed after the plan was made, or the flags differ. What would be applied is not what was reviewed. At a location somebody else was faster.",
		Example: `$ writ plan --out plan.json
$ sed -i 's/10m/20m/' orders.hcl
$ writ apply plan.json`,
		Remedy: "Look at a new plan, then apply that. Without a saved plan, run the command again.",
	},
	{
		Name: "policy-failed", Severity: Error, Either: true, Summary: "Policy not satisfied",
		Meaning: "An object does not satisfy a policy of the configuration. The policy's severity says whether that is an error or a warning.",
		Example: `policy "owned" {
  for_each_of   = "api"
  condition     = lookup(self.metadata, "owner", "") != ""
  error_message = "Say who owns ${self.address}."
}`,
		Remedy: "The detail is the policy's own message. Change the object, or the policy where the rule is wrong.",
	},
	{
		Name: "port-in-use", Severity: Error, Summary: "Port in use",
		Meaning: "Another program listens on the address.",
		Example: `$ writ dev --listen 127.0.0.1:8080 & writ dev --listen 127.0.0.1:8080`,
		Remedy:  "Choose another port: writ dev --listen 127.0.0.1:0 takes a free one.",
	},
	{
		Name: "prevent-destroy", Severity: Error, Summary: "Removal prevented",
		Meaning: "An object is gone from the configuration or would be replaced, and the state in use has prevent_destroy = true for it.",
		Example: `# prior is the configuration that was applied last
-- prior/ledger.hcl --
api "ledger" {
  identifier      = "https://api.example.com/ledger"
  prevent_destroy = true
}
-- writ.lock.hcl --
# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "ledger" { identifier = "https://api.example.com/ledger" }
api "orders" { identifier = "https://api.example.com/orders" }

client "billing" { client_id = "billing" }`,
		Remedy: "Put it back. To remove it on purpose, first apply it with prevent_destroy = false.",
	},
	{
		Name: "pull-request-subject", Severity: Warning, Summary: "Subject of pull requests",
		Meaning: "A federated block matches the tokens of workflows that a pull request starts. Such a workflow runs the steps that the pull request brings along, before anybody has reviewed them.",
		Example: `client "billing" {
  federated "ci" {
    trusted_issuer  = trusted_issuer.github
    subject_pattern = "repo:acme@1/billing@2:*"
  }
}`,
		Remedy: "Write out a branch or an environment, or demand the claim event_name.",
	},
	{
		Name: "reference-cycle", Severity: Error, Summary: "Reference cycle",
		Meaning: "Values depend on one another in a circle, so none of them can be worked out.",
		Example: `locals {
  first  = local.second
  second = local.first
}`,
		Remedy: "Write one of them without the others.",
	},
	{
		Name: "reserved-claim", Severity: Error, Summary: "Reserved claim name",
		Meaning: "A custom claim has a name that writ, a standard or a well-known library gives a meaning. A verifier could take it for something that it is not.",
		Example: `client "billing" {
  secret "s" { hash = "env:BILLING" }
  claims = { sub = "somebody" }
}`,
		Remedy: `Choose another name: a URI of your own, such as "https://example.com/team", collides with nothing.`,
	},
	{
		Name: "reserved-identifier", Severity: Error, Summary: "Reserved API identifier",
		Meaning: "An API has an address of the issuer as its identifier. A token for it would look like one for the issuer itself.",
		Example: `api "management" {
  identifier = "https://auth.example.com/userinfo"
}`,
		Remedy: "Choose an identifier that names this API.",
	},
	{
		Name: "reserved-scope", Severity: Error, Summary: "Reserved scope name",
		Meaning: "A scope has a name that OpenID Connect gives a meaning of its own.",
		Example: `api "reports" {
  identifier = "https://api.example.com/reports"
  scope "openid" { description = "Sign in" }
}`,
		Remedy: `Write a name of your own, such as "read:profile".`,
	},
	{
		Name: "retired-client-id", Severity: Error, Summary: "Retired client id",
		Meaning: "A client has a client_id that another client had before. Whoever still holds credentials or grants of the old one would be taken for the new one.",
		Example: `-- invoices.hcl --
client "billing" {
  client_id = "accounts"
  secret "s" { hash = "env:BILLING" }
}
-- writ.lock.hcl --
# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders" }

retired_client "accounts" { client_id = "accounts" }`,
		Remedy: "Choose another client_id. Where nobody relies on the old one any more, remove its retired_client line from the lockfile.",
	},
	{
		Name: "retired-identifier", Severity: Error, Summary: "Retired identifier",
		Meaning: "An API has an identifier that another API had before. Tokens and clients of the old one would be taken for those of the new one.",
		Example: `-- ledger.hcl --
api "ledger" {
  identifier = "https://api.example.com/accounts"
}
-- writ.lock.hcl --
# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "orders" { identifier = "https://api.example.com/orders" }

client "billing" { client_id = "billing" }

retired_api "accounts" { identifier = "https://api.example.com/accounts" }`,
		Remedy: "Choose another identifier. Where nobody relies on the old one any more, remove its retired_api line from the lockfile.",
	},
	{
		Name: "serials-used-up", Severity: Error, Summary: "Serials used up",
		Meaning: "The snapshot in force has the highest serial there is, 2^53. No later one can come after it, since a server takes only a higher serial.",
		Example: `$ writ apply --auto-approve --after-serial 9007199254740990
$ writ apply --auto-approve`,
		Remedy: "Find out who gave that serial: counting by one never gets there. To begin anew, move the snapshot away, run writ apply --first, and start each writd without the served.json of its --state folder.",
	},
	{
		Name: "shared-client-secret", Severity: Warning, Summary: "Clients share a secret",
		Meaning: "Two clients have a secret with one hash. Whoever knows the secret can act as either, and the audit log cannot say which of them it was.",
		Example: `client "invoices" {
  secret "s" { hash = "env:BILLING" }
}

authorization "invoices_orders" {
  client = client.invoices
  api    = api.orders
  scopes = []
}`,
		Remedy: `Make a secret for each client with "writ secret new CLIENT".`,
	},
	{
		Name: "snapshot-exists", Severity: Error, Summary: "Snapshot exists",
		Meaning: "--first and --after-serial say that there is no snapshot in force, and there is one.",
		Example: `$ writ apply --auto-approve
$ writ apply --first`,
		Remedy: "Leave the flag out.",
	},
	{
		Name: "snapshot-invalid", Severity: Error, Summary: "Snapshot invalid",
		Meaning: "The snapshot in force is damaged, or the file is no snapshot.",
		Example: `$ echo junk > writ.snapshot
$ writ plan`,
		Remedy: `Fetch the one in force again. Where that is lost, move the file away: "writ apply" says how to go on.`,
	},
	{
		Name: "snapshot-missing", Severity: Error, Either: true, Summary: "Snapshot is missing",
		Meaning: "The lockfile has records, so something was applied before, but the snapshot in force is not there. Without it nothing can be compared and its serial is unknown. A plan only warns.",
		Example: `$ rm writ.snapshot
$ writ apply`,
		Remedy: "Fetch the snapshot in force, or name it with --snapshot. If nothing was ever applied: writ apply --first. If it is lost: writ apply --after-serial SERIAL.",
	},
	{
		Name: "snapshot-untrusted", Severity: Error, Summary: "Snapshot untrusted",
		Meaning: "The snapshot is not signed by a key that --trust or --sign names. Whoever may write to a location can put anything there, and a plan, the next serial and a rollback go on from it.",
		Example: `$ writ apply --snapshot nats://127.0.0.1:4222/writ/prod
$ writ apply --snapshot nats://127.0.0.1:4222/writ/prod --sign release.pem`,
		Remedy: "Name the key that had signed it with --trust KEY. Where signing begins now, compare its digest with what servers tell at /status, and take this one by its name: --trust sha256:...",
	},
	{
		Name: "snapshot-version", Severity: Error, Summary: "Snapshot version",
		Meaning: "The snapshot has a format that this writ does not read.",
		Example: `$ writ show future.snapshot`,
		Remedy:  "Use the release of writ that made it, or a newer one.",
	},
	{
		Name: "stage-missing", Severity: Error, Summary: "Nothing is staged",
		Meaning: "There is no snapshot beside the one in force that could be promoted or given up.",
		Example: `$ writ promote nats://127.0.0.1:4222/writ/prod`,
		Remedy:  `Stage a snapshot with "writ apply --stage 10%". What is there now says "writ history".`,
	},
	{
		Name: "stage-open", Severity: Error, Summary: "Stage is open",
		Meaning: "A part of the fleet serves a snapshot that is staged. Another one in its place would leave that part without a way back.",
		Example: `$ writ apply --snapshot nats://127.0.0.1:4222/writ/prod --stage 10%
$ writ apply --snapshot nats://127.0.0.1:4222/writ/prod`,
		Remedy: `Give it to all with "writ promote", or give it up with "writ abort".`,
	},
	{
		Name: "syntax", Severity: Error, Summary: "Invalid syntax",
		Meaning: "A file is not what HCL or JSON says it must be, or is not UTF-8.",
		Example: `api "orders" {
  identifier = "https://api.example.com/orders
}`,
		Remedy: "The detail says what was expected at the place that is shown. What comes after it in the file is not judged.",
	},
	{
		Name: "unknown-api", Severity: Error, Summary: "Unknown API",
		Meaning: "The configuration has no API with that label or identifier.",
		Example: `$ writ quickstart order`,
		Remedy:  `Name an API by its label or its identifier: "writ show" lists what there is.`,
	},
	{
		Name: "unknown-attribute", Severity: Error, Summary: "Unknown attribute",
		Meaning: "A block has an attribute that its type does not have.",
		Example: `api "reports" {
  identifier = "https://api.example.com/reports"
  lifetime   = "1h"
}`,
		Remedy: `Correct the name. "writ schema" lists the attributes of each block.`,
	},
	{
		Name: "unknown-block", Severity: Error, Summary: "Unknown block type",
		Meaning: "A block has a type that the language does not have, or stands where that type cannot stand.",
		Example: `service "reports" {
  identifier = "https://api.example.com/reports"
}`,
		Remedy: `Correct the type or move the block. "writ schema" lists the blocks.`,
	},
	{
		Name: "unknown-code", Severity: Error, Summary: "Unknown code",
		Meaning: "No diagnostic has the code that is to be explained.",
		Example: `$ writ explain imutable-identifier`,
		Remedy:  `Correct it: "writ schema --codes" lists them all.`,
	},
	{
		Name: "unknown-label", Severity: Error, Summary: "Unknown label",
		Meaning: "The configuration has no object with that label.",
		Example: `$ writ graph --api no-such-api`,
		Remedy:  `Name one that is there: "writ graph" shows all.`,
	},
	{
		Name: "unknown-reference", Severity: Error, Summary: "Unknown reference",
		Meaning: "An expression names an object, a variable or a value that is not declared, or that cannot be read at that place.",
		Example: `authorization "reports" {
  client = client.billing
  api    = api.reports
  scopes = []
}`,
		Remedy: "Declare it, or correct the name: the detail suggests one that is near.",
	},
	{
		Name: "unknown-scope", Severity: Error, Summary: "Unknown scope",
		Meaning: "An authorization grants a scope that its API does not declare.",
		Example: `authorization "billing_orders" {
  client = client.billing
  api    = api.orders
  scopes = ["read:order"]
}`,
		Remedy: "Correct the name, or declare the scope in the API.",
	},
	{
		Name: "unreachable", Severity: Error, Summary: "Unreachable",
		Meaning: "A server did not answer, or answered with something else than was asked for.",
		Example: `$ writ token --server http://127.0.0.1:1 --client billing --api https://api.example.com/orders`,
		Remedy:  "Check the address, and that the server runs.",
	},
	{
		Name: "unreadable-file", Severity: Error, Summary: "Unreadable file",
		Meaning: "A file or folder cannot be read, is not of the kind that is needed, or has a name that not every system can have.",
		Example: `$ writ fmt gone.hcl`,
		Remedy:  "The detail names the file and the reason: correct the name or the permissions.",
	},
	{
		Name: "unsafe-key-schedule", Severity: Error, Either: true, Summary: "Unsafe key schedule",
		Meaning: "The times of the signing keys leave a moment at which no key signs, at which two would, or at which a token is valid whose key is not published any more. It is a warning where only verifiers with an old key set are affected.",
		Example: `signing_key "first" {
  algorithm    = "RS256"
  private_key  = "file:first.pem"
  activates_at = "2026-01-01T00:00:00Z"
}

signing_key "second" {
  algorithm    = "RS256"
  private_key  = "file:second.pem"
  activates_at = "2026-01-01T00:00:00Z"
}`,
		Remedy: "Set activates_at and retires_at as the detail says: it names the earliest safe time.",
	},
	{
		Name: "unsigned-snapshot", Severity: Warning, Summary: "Snapshot loses its signature",
		Meaning: "The snapshot in force is signed, and the one that is written is not. A server that was started with --trust refuses it.",
		Example: `$ writ apply --sign snapshot.key
$ writ apply`,
		Remedy: `Give --sign. Where no server verifies the signature, the issuer may acknowledge it: accept = ["unsigned-snapshot"].`,
	},
	{
		Name: "unsupported-target", Severity: Error, Summary: "Unsupported target",
		Meaning: "A quickstart target has no library that can verify the tokens of this API.",
		Example: `$ writ quickstart orders --lang haproxy`,
		Remedy:  "Choose another target, or the algorithm that the detail names.",
	},
	{
		Name: "unused-accept", Severity: Warning, Summary: "Nothing to accept",
		Meaning: "A block accepts a warning that is not given any more. Were it left there, nobody would see the next one.",
		Example: `api "reports" {
  identifier    = "https://api.example.com/reports"
  token_profile = "rfc9068"
  accept        = ["auth0-profile-untyped"]
}`,
		Remedy: "Take the code out of accept.",
	},
	{
		Name: "unused-client", Severity: Warning, Summary: "Unused client",
		Meaning: "No authorization names the client and it introspects nothing, so it can get no token.",
		Example: `client "reporting" {
  secret "s" { hash = "env:REPORTING" }
}`,
		Remedy: "Write an authorization for it, or remove it.",
	},
	{
		Name: "unused-signing-secret", Severity: Error, Summary: "Unused signing secret",
		Meaning: "An API has a signing_secret and signs with an algorithm that uses none.",
		Example: `api "reports" {
  identifier     = "https://api.example.com/reports"
  signing_alg    = "RS256"
  signing_secret = "env:REPORTS"
}`,
		Remedy: `Remove signing_secret, or set signing_alg = "HS256".`,
	},
	{
		Name: "usage", Severity: Error, Summary: "Invalid command line",
		Meaning: "The command line has a command, a flag or an argument that writ does not know, or lacks one.",
		Example: `$ writ validte`,
		Remedy:  `The detail says what would be right. "writ help COMMAND" describes a command.`,
	},
	{
		Name: "variable-validation", Severity: Error, Summary: "Variable value refused",
		Meaning: "The value of a variable does not satisfy one of the rules in its validation blocks.",
		Example: `variable "environment" {
  type    = string
  default = "test"

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment is dev or prod."
  }
}`,
		Remedy: "Give a value that the rule takes. The detail is the rule's own message.",
	},
	{
		Name: "verifiers-affected", Severity: Warning, Summary: "Verifiers must change",
		Meaning: "After the change, whoever verifies tokens of the API refuses them unless it is changed too: they have another audience, issuer, type or algorithm.",
		Example: `$ writ plan --format github`,
		Remedy:  `Have the verifiers accept both first. "writ quickstart API" prints what they have to check.`,
	},
	{
		Name: "weak-secret-hash", Severity: Error, Summary: "Weak secret hash",
		Meaning: "The hash of a secret is made by a function that is too fast or broken, with too little work, or is not one at all.",
		Example: `client "billing" {
  secret "s" { hash = "md5:5f4dcc3b5aa765d61d8327deb882cf99" }
}`,
		Remedy: `Use a hash that "writ secret new" prints, or refer to one: env:NAME or file:NAME.`,
	},
	{
		Name: "wildcard-in-subject", Severity: Warning, Summary: "Wildcard in exact subject",
		Meaning: "A subject has a *. The subject is compared as it stands, so the * matches nothing but a *.",
		Example: `client "billing" {
  federated "ci" {
    trusted_issuer = trusted_issuer.github
    subject        = "repo:example@1/billing@2:*"
  }
}`,
		Remedy: "Write subject_pattern if the * stands for something.",
	},
	{
		Name: "write-failed", Severity: Error, Summary: "Write failed",
		Meaning: "A file cannot be written.",
		Example: `$ writ plan --out no/such/folder/plan.json`,
		Remedy:  "Name a file in a folder that is there and may be written.",
	},
	{
		Name: "wrong-type", Severity: Error, Summary: "Wrong value type",
		Meaning: "A value has another type than the place takes: text for a number, one value for a list, text for a reference.",
		Example: `api "reports" {
  identifier = ["https://api.example.com/reports"]
}`,
		Remedy: `Write it as the detail shows. "writ schema" names the type of each attribute.`,
	},
}
