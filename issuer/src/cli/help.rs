//! What `--help` says.

pub const HELP: &str = "\
Makes namespace keys and tokens, explains tokens, and serves the platform's token API.

Usage: issuer <command> [options]

With files alone:
  keygen     make a namespace's key pair: private.pem and public.pem
  issue      mint a token for a namespace, or for one function or container
  inspect    show what a token says, and what the filter would decide

With a database:
  serve      serve the platform's API: functions, containers, tokens, projects, IAM
  namespace  list namespaces and their keys, create one, or give one a new key
  trust      show or replace the key that signs what gateways are told, or publish that
  revoke     revoke a token by its id, or all that was issued before some time
  policy     tell who could do what, and by which rule
  quota      show or set how much there may be of something
  audit      export the audit log as a signed file, or verify such a file
  admin      make a new API key for the owner
  backup     write a copy of the database, also while it is served
  restore    put such a copy in the database's place

`issuer <command> --help` shows a command's options, `issuer --version` the version.

Exit status: 0 done or admitted, 1 refused by inspect or by policy test, or an audit log
that isn't right, 2 wrong or unusable input, a service that can't start, or no command.
";

pub const KEYGEN_HELP: &str = "\
Makes a namespace's key pair.

Usage: issuer keygen --out DIR [--algorithm RS256] [--bits 4096] [--json]

  --out DIR          the folder for private.pem (readable by its owner alone) and
                     public.pem; it is made if missing, and nothing is overwritten
  --algorithm NAME   RS256 (default, the platform's), ES256, ES384 or EdDSA
  --bits N           the size of an RS256 key: 2048, 3072 or 4096 (default)
  --json             print JSON

Configure public.pem in the filter, as public_key or SCW_PUBLIC_KEY. private.pem is a
secret: never configure it in the filter.
";

pub const ISSUE_HELP: &str = "\
Mints a token and prints it, alone, on standard output.

Usage: issuer issue --key FILE (--namespace-id ID | --application-id ID)
                    [--expires-in 1h | --expires-at TIME | --no-expiration] [options]

  --key FILE            the private key, in PEM: PKCS#8, PKCS#1 or SEC1
What the token grants access to, one of:
  --namespace-id ID     every function and container of the namespace
  --application-id ID   that function or container; --function-id ID and
                        --container-id ID mean the same
How long, one of (default: --expires-in 1h):
  --expires-in TIME     a while from now: 90s, 30m, 1h, 1h30m, 7d
  --expires-at TIME     a point in time, in RFC 3339: 2030-01-31T12:00:00Z
  --no-expiration       the token never expires; only a revoked token id or another
                        key ends it
Rarely needed:
  --token-id UUID       the token's id (jti); random by default
  --issuer NAME         the issuer (iss); SCALEWAY by default
  --audience NAME       the audience (aud); functions by default
  --json                print JSON: the token, its id, its times

The token is a secret. To keep it in a file that only you can read:
  (umask 077; issuer issue --key private.pem --namespace-id ID > token)
";

pub const INSPECT_HELP: &str = "\
Shows what a token says and, with a configuration, what the filter would decide and why.

Usage: issuer inspect [-] [--config FILE [--plugin NAME] [--trust URL|DIR]] [--at TIME]
                      [--json] < token

  -              read the token from standard input, as without it. A token as an
                 argument works too, and stays in the shell's history and, while the
                 program runs, in the list of processes
  --config FILE  the filter's configuration: the plugin configuration alone, Envoy's
                 configuration with the filter in it, or an Istio WasmPlugin, each in
                 JSON or YAML. Without it the signature is not checked
  --plugin NAME  which plugin, where the file has several: the name of the filter, the
                 plugin, the listener or the WasmPlugin
  --trust URL    also judge by the trust feed that the configuration follows, as it is
                 now: http://HOST:PORT of the issuer or a mirror, or a folder that
                 `issuer trust publish` made
  --at TIME      judge as of this time, in RFC 3339; now by default
  --json         print JSON

The token may come with the header, the cookie or the JSON that it stands in.

A plugin configuration alone may leave members out to this command's environment, as in
the filter: SCW_PUBLIC, SCW_PUBLIC_KEY, SCW_NAMESPACE_ID, SCW_APPLICATION_ID, and for
`trust` NAMESPACE_JWT_TRUST_KEY and NAMESPACE_JWT_TRUST_ACCESS_KEY. With a file of Envoy
or Istio only those count that the file takes from the proxy's environment.

Example: issuer inspect - --config envoy.yaml < token

Exit status: 0 admitted (or readable, without --config), 1 refused, 2 unusable input, or a
configuration that nothing can be judged by alone.
";

pub const POLICY_HELP: &str = "\
Tells whether somebody could do something, and by which rule of which policy.

Usage: issuer policy test --as ACCESS_KEY_OR_ID ACTION [RESOURCE] [options]

  --as WHO               an access key, or the id of a user or an IAM application
  ACTION                 what a 403 names, with a colon: create:function_token,
                         list:function_namespace, edit:policy; a wrong one tells what
                         there is
  RESOURCE               the id of a project, of what is in one, of the organization, or
                         of a user, an application, a group or a policy: then also
                         whether it may be changed in what would give rights.
                         Without it, anything that the organization has
What conditions of rules are about:
  --ip ADDRESS           request.ip; none by default
  --user-agent TEXT      request.user_agent; empty by default
  --at TIME              request.time, in RFC 3339; now by default
Where:
  --database sqlite:FILE   the database; sqlite:issuer.db by default
  --secrets-key-file FILE  its secrets key; issuer.key beside it by default

It decides as the service does, asks nothing of it and changes nothing. The database and
its secrets key may stand in the environment: ISSUER_DATABASE, ISSUER_SECRETS_KEY_FILE.

Example: issuer policy test --as SCWXXXXXXXXXXXXXXXXX create:function_token

Exit status: 0 allowed, 1 denied, 2 nobody or nothing of that id, or unusable input.
";

pub const QUOTA_HELP: &str = "\
Shows or sets how much there may be of something.

Usage: issuer quota list [options]
       issuer quota set NAME NUMBER|unlimited [options]

  NAME    api_keys_per_bearer, applications (of IAM), containers, functions, groups,
          namespaces, policies, rules_per_policy, ssh_keys, tokens_per_application, users
  NUMBER  the most that there may be. What is there already stays
  --database sqlite:FILE   the database; sqlite:issuer.db by default
  --secrets-key-file FILE  its secrets key; issuer.key beside it by default

By default there may be 1,000,000 tokens of one function or container, and 10,000 of
everything else. A running service knows at once. The database and its secrets key may
stand in the environment: ISSUER_DATABASE, ISSUER_SECRETS_KEY_FILE.

Example: issuer quota set users 100
";

pub const SERVE_HELP: &str = "\
Serves the platform's API for namespaces, functions, containers and their tokens.

Usage: issuer serve [options]

  --listen ADDRESS         where to listen; 127.0.0.1:8080 by default
  --database sqlite:FILE   the database; sqlite:issuer.db by default. It is made if missing
  --secrets-key-file FILE  the key that encrypts private keys in the database; issuer.key
                           beside it by default. The first start makes it: keep a copy apart
  --init-file FILE         where the first start writes the owner's API key; issuer.env
                           beside the database by default
  --public-url URL         how clients reach the service, if not at that address
  --trusted-proxies LIST   addresses or networks of proxies whose X-Forwarded-For is
                           believed, with commas between them
  --domain-suffix DOMAIN   what host names of functions and containers end with;
                           functions.localhost by default

Each option may also stand in the environment: ISSUER_LISTEN, ISSUER_DATABASE,
ISSUER_SECRETS_KEY_FILE, ISSUER_INIT_FILE, ISSUER_PUBLIC_URL, ISSUER_TRUSTED_PROXIES,
ISSUER_DOMAIN_SUFFIX. ISSUER_LOG says how much is logged: error, warn, info or debug.

The init file has what the platform's clients read from their environment:
  set -a; . ./issuer.env; set +a

GET /health, /ready and /metrics tell how it is. Ctrl-C or SIGTERM ends it, within 10
seconds, with what is under way answered.
";

pub const NAMESPACE_HELP: &str = "\
Lists namespaces and their keys, creates one, or gives one a new key, also beside a
running `issuer serve`.

Usage: issuer namespace list [options]
       issuer namespace create NAME [--algorithm RS256] [--bits 4096] [options]
       issuer namespace rotate ID [--ahead 30s] [--grace 24h] [--dry-run] [options]
       issuer namespace rotate ID --compromised [--dry-run] [options]

  --algorithm NAME         RS256 (default, the platform's), ES256, ES384 or EdDSA;
                           `rotate` keeps the type by default
  --bits N                 the size of an RS256 key: 2048, 3072 or 4096 (default)
  --ahead TIME             how long gateways are told of the new key before it signs: 30s
                           by default, 10s at least. Give twice what the slowest of them
                           takes to ask again, or a copy of the feed to be published again
  --grace TIME             how long what the old key signed stays good once the new one
                           signs: 24h by default. Then the old key is revoked, earlier if
                           its last token has expired
  --compromised            no grace: the new key signs at once, and every key that the
                           namespace has is revoked, with all of its tokens
  --dry-run                say what `rotate` would do, count the tokens, change nothing
  --product NAME           functions (default) or containers; `list` shows both
  --region NAME            fr-par by default
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE
  --json                   print JSON

`create` prints the namespace's id and its public key, `rotate` what happens when and the
new public key. `issuer serve` carries out the rest: no key signs that it hasn't told
gateways of for as long as --ahead says, without a pause.
";

pub const TRUST_HELP: &str = "\
Shows or replaces the key that signs what gateways are told, or writes what they are told
to a folder, also beside a running `issuer serve`. The first start makes the key.

Usage: issuer trust key [options]
       issuer trust rotate [--drop-old] [options]
       issuer trust publish DIR [--every SECONDS] [--all] [options]

  --drop-old               end a rotation: the older of two keys signs no more
  --every SECONDS          go on until Ctrl-C or SIGTERM: publish each change at once, and
                           sign everything afresh that often. Without it DIR is written
                           once, and goes stale at gateways: after 300 seconds by default
  --all                    also publish what gateways of all namespaces follow. It shows
                           every tenant's ids to whoever can read the folder
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE

`key` prints the public key, of two the older one first, and nothing else. `rotate` makes
a second key and prints both: each signs until the older one is dropped, and one good
signature is enough for a gateway. So give both to every gateway first.

`publish` is for gateways that ask a server of static files: let it serve DIR as
/trust/v1. DIR is made if missing, and has to be empty or published to before. The rest
of the service's work, rotations among it, is done by `issuer serve` alone.
";

pub const REVOKE_HELP: &str = "\
Revokes a token by its id, or all that was issued before some time, also beside a running
`issuer serve`.

Usage: issuer revoke --jti ID [--namespace-id ID] [--expires-at TIME] [options]
       issuer revoke --issued-before TIME
                     (--namespace-id ID | --application-id ID | --bearer-id ID) [options]

  --jti ID                 the token's id, as `issuer inspect` shows it. The service need
                           not know it: it may be minted elsewhere, or lost in a restore.
                           A UUID may have capitals
  --namespace-id ID        beside --jti: the namespace of a token that the service doesn't
                           know; for all namespaces by default
  --expires-at TIME        when a token expires that the service doesn't know; kept beside
                           its id, which stays revoked for good: its key is unknown too
  --issued-before TIME     revoke everything issued before this second, in RFC 3339, or
                           `now`. It can't be in the future, and never moves back
  --application-id ID      of a function or container: tokens for it alone
  --bearer-id ID           of a user: the tokens that they made, and at gateways their API
                           keys from before that time. The service's API goes on taking
                           those keys
  --dry-run                count what would be revoked, and change nothing
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE

Gateways that follow the trust feed hear of it within a second, those that read a copy of
it once that is published and they ask again.
";

pub const AUDIT_HELP: &str = "\
Exports the audit log as lines that hang together by their hashes, with a signed last
line, also beside a running `issuer serve`; or verifies such a file.

Usage: issuer audit export [--out FILE] [options]
       issuer audit verify FILE [--key FILE] [--continues FILE] [options]

  --out FILE               where to write it, readable by its owner alone; nothing is
                           overwritten. Standard output by default
  --key FILE               the public keys by one of which it has to be signed, as
                           `issuer trust key` prints them. Kept elsewhere, they tell more
                           than those of the database, which count by default
  --continues FILE         an earlier export, or its last line alone: the log has to begin
                           with all that was in it
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE

`verify` reads standard input where FILE is -. With --key it needs no database.

Whoever can write the database can rewrite what wasn't exported yet. So export the log
on a schedule, keep the file or its last line on another machine, and verify each export
with --continues and the one before:
  issuer audit export --out new.jsonl
  issuer audit verify new.jsonl --key trust.pem --continues old.jsonl

Exit status: 0 done, or the log is right; 1 the log isn't right: something was changed,
removed, put in or cut off, or another key signed it; 2 it can't be told.
";

pub const ADMIN_HELP: &str = "\
Makes a new API key for the owner, when the first was lost.

Usage: issuer admin reset --out FILE [options]

  --out FILE               where to write it, readable by its owner alone; nothing is
                           overwritten
  --public-url URL         how clients reach the service; by default as it was when it last
                           started, or ISSUER_PUBLIC_URL
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE

Keys that the owner has already go on working.
";

pub const BACKUP_HELP: &str = "\
Writes a consistent copy of the database, also while it is served.

Usage: issuer backup FILE [options]

  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE

The file is readable by its owner alone; nothing is overwritten. The secrets key isn't in
it, and without that key no token can be minted from it: keep a copy of the key apart.
";

pub const RESTORE_HELP: &str = "\
Puts a backup in the database's place, once it is known to be whole and to fit the secrets
key. What was there before is kept beside it. `issuer serve` has to be ended first.

Usage: issuer restore FILE [options]

  --revoke-issued-before TIME
                           revoke everything that was issued for any namespace before this
                           second, in RFC 3339, or `now`
  --database sqlite:FILE   sqlite:issuer.db by default, or ISSUER_DATABASE
  --secrets-key-file FILE  issuer.key beside the database by default, or
                           ISSUER_SECRETS_KEY_FILE

What was made since the backup is unknown afterwards: API keys, namespaces and their
private keys, tokens. Tokens that were deleted since then are good again, unless they
are revoked with --revoke-issued-before. Gateways take the restored state for newer than
what they have.
";
