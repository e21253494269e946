package schema

import (
	"fmt"
	"strings"
)

// Foreign returns a sentence that says what to write for a word of another tool, or "" for a
// word that is not known. block is the type of the block that the word was written in, ""
// at the top of a file. means is the one attribute that the author meant, if there is
// one: it must not be reported as missing too.
func Foreign(block, word string) (sentence, means string) {
	if f, known := foreignWords[foreignWord{block, word}]; known {
		return f.say, f.means
	}
	if say := everywhere(word); say != "" {
		return say, ""
	}
	if spec, ok := LanguageBlock(block); ok && word == "count" {
		if _, repeats := spec.Attr("for_each"); repeats {
			return `To repeat a block, write for_each = toset(["a", "b"]).`, ""
		}
	}
	return "", ""
}

// everywhere says what to write for the words that Terraform takes in any block.
func everywhere(word string) string {
	switch word {
	case "depends_on":
		return "The order of blocks never matters, and references say what belongs together. Leave it out."
	case "lifecycle":
		return "Write prevent_destroy = true in the block itself, where it takes that. Leave this out."
	case "dynamic":
		return "A nested block is written out; for_each repeats the block around it."
	case "provisioner", "connection":
		return notTerraform
	}
	return ""
}

// ForeignValue says in a sentence what to write for a value of an enumerated
// attribute that other servers know, or returns "".
func ForeignValue(attribute, value string) string {
	if attribute != "grant_types" {
		return ""
	}
	word := strings.ReplaceAll(strings.ToLower(value), "_", "-")
	for _, grant := range []string{GrantTokenExchange, GrantJWTBearer} {
		if strings.HasSuffix(grant, ":"+word) {
			return fmt.Sprintf("Write %q.", grant)
		}
	}
	switch word {
	case "authorization-code", "implicit", "password", "device-code", "urn:ietf:params:oauth:grant-type:device-code":
		return "Nobody signs in here: people sign in at a trusted_issuer, whose tokens a client exchanges by " + GrantTokenExchange + "."
	case "client-credential", "m2m", "non-interactive":
		return fmt.Sprintf("Write %q.", GrantClientCredentials)
	}
	return ""
}

// A foreignWord is a word of another tool and the block it was written in.
type foreignWord struct{ block, word string }

// Answers that several words share.
const (
	notTerraform   = "Terraform's blocks have no meaning here: writ reads api, client and authorization blocks of its own and needs no provider. Leave it out."
	howItProves    = "How a client authenticates follows from the blocks it has: secret, public_key, certificate or federated. Leave it out."
	clientRights   = "What a client may reach stands in a block of its own: authorization \"LABEL\" { client = ..., api = ..., scopes = [...] }, one to a line."
	secretIsABlock = "A secret is a block that holds its hash: \"writ secret new\" makes both."
	noSignIn       = "Nobody signs in here: people sign in at a trusted_issuer, whose tokens a client exchanges. Leave it out."
	issuerURL      = "Write url = \"https://auth.example.com/\"."
)

// foreignWords are those of OAuth's own vocabulary, of Auth0, of Terraform and of
// other servers that an author is likely to bring along.
var foreignWords = map[foreignWord]struct{ say, means string }{
	{"", "resource_server"}:       {say: `Write api "LABEL" { ... }.`},
	{"", "auth0_resource_server"}: {say: `Write api "LABEL" { ... }.`},
	{"", "audience"}:              {say: `Write api "LABEL" { ... }, with the audience as its identifier.`},
	{"", "application"}:           {say: `Write client "LABEL" { ... }.`},
	{"", "app"}:                   {say: `Write client "LABEL" { ... }.`},
	{"", "service_account"}:       {say: `Write client "LABEL" { ... }.`},
	{"", "auth0_client"}:          {say: `Write client "LABEL" { ... }.`},
	{"", "client_grant"}:          {say: `Write authorization "LABEL" { ... }.`},
	{"", "auth0_client_grant"}:    {say: `Write authorization "LABEL" { ... }.`},
	{"", "grant"}:                 {say: `Write authorization "LABEL" { ... }.`},
	{"", "permission"}:            {say: `Write authorization "LABEL" { ... }, or a scope inside an api block.`},
	{"", "tenant"}:                {say: `Write issuer { url = "https://auth.example.com/" }.`},
	{"", "server"}:                {say: `Write issuer { url = "https://auth.example.com/" }.`},
	{"", "terraform"}:             {say: notTerraform},
	{"", "provider"}:              {say: notTerraform},
	{"", "resource"}:              {say: notTerraform},
	{"", "data"}:                  {say: notTerraform},
	{"", "output"}:                {say: notTerraform},
	{"", "moved"}:                 {say: "A label may be changed at will: the lockfile notices the rename. Leave this out."},
	{"", "removed"}:               {say: "A block that is gone from the files is removed by the next apply. Leave this out."},
	{"", "import"}:                {say: notTerraform},
	{"", "module"}:                {say: "There are no modules: every *.hcl file below the root is one configuration, and for_each repeats a block."},

	{"issuer", "issuer"}:   {say: issuerURL, means: "url"},
	{"issuer", "domain"}:   {say: issuerURL, means: "url"},
	{"issuer", "base_url"}: {say: issuerURL, means: "url"},

	{"api", "audience"}:          {say: "The audience is the API's identifier: write identifier.", means: "identifier"},
	{"api", "aud"}:               {say: "The audience is the API's identifier: write identifier.", means: "identifier"},
	{"api", "uri"}:               {say: "Write identifier.", means: "identifier"},
	{"api", "url"}:               {say: "Write identifier.", means: "identifier"},
	{"api", "scopes"}:            {say: `Each scope is a block: scope "read:orders" { description = "Read orders" }.`},
	{"api", "signing_algorithm"}: {say: "Write signing_alg."},
	{"api", "algorithm"}:         {say: "Write signing_alg."},
	{"api", "alg"}:               {say: "Write signing_alg."},
	{"api", "token_dialect"}:     {say: `Write token_profile = "rfc9068" or "auth0"; for the claim permissions, include_permissions = true.`},
	{"api", "token_format"}:      {say: `Write token_profile = "rfc9068" or "auth0".`},
	{"api", "ttl"}:               {say: "Write token_lifetime."},
	{"api", "expires_in"}:        {say: "Write token_lifetime."},
	{"api", "enforce_policies"}:  {say: "Every request needs an authorization block: there is nothing to switch on. Leave it out."},

	{"client", "id"}:                         {say: "Write client_id."},
	{"client", "client_secret"}:              {say: secretIsABlock},
	{"client", "secret_hash"}:                {say: secretIsABlock},
	{"client", "client_secret_hash"}:         {say: secretIsABlock},
	{"client", "app_type"}:                   {say: `What a client may do stands in grant_types; without it that is ["client_credentials"].`},
	{"client", "token_endpoint_auth_method"}: {say: howItProves},
	{"client", "authentication_methods"}:     {say: howItProves},
	{"client", "redirect_uris"}:              {say: noSignIn},
	{"client", "callbacks"}:                  {say: noSignIn},
	{"client", "callback_urls"}:              {say: noSignIn},
	{"client", "allowed_logout_urls"}:        {say: noSignIn},
	{"client", "web_origins"}:                {say: noSignIn},
	{"client", "jwks"}:                       {say: `Write public_key "LABEL" { jwks = file("key.jwks") }.`},
	{"client", "audience"}:                   {say: clientRights},
	{"client", "api"}:                        {say: clientRights},
	{"client", "scope"}:                      {say: clientRights},
	{"client", "scopes"}:                     {say: clientRights},

	{"authorization", "audience"}:        {say: "Write api = api.LABEL.", means: "api"},
	{"authorization", "resource_server"}: {say: "Write api = api.LABEL.", means: "api"},
	{"authorization", "client_id"}:       {say: "Write client = client.LABEL.", means: "client"},
	{"authorization", "permissions"}:     {say: "Write scopes.", means: "scopes"},

	{"secret", "secret"}: {say: `Only the hash of a secret is written: hash = "sha256:...". "writ secret new" makes both.`, means: "hash"},
	{"secret", "value"}:  {say: `Only the hash of a secret is written: hash = "sha256:...". "writ secret new" makes both.`, means: "hash"},
}
