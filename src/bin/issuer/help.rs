//! What `--help` says.

pub const HELP: &str = "\
Makes namespace keys and tokens, and explains tokens.

Usage: issuer <command> [options]

Commands:
  keygen    make a namespace's key pair: private.pem and public.pem
  issue     mint a token for a namespace, a function or a container
  inspect   show what a token says, and what the filter would decide

`issuer <command> --help` shows a command's options, `issuer --version` the version.
Every command takes --json, for programs.

Exit status: 0 done or admitted, 1 refused by inspect, 2 wrong or unusable input.
";

pub const KEYGEN_HELP: &str = "\
Makes a namespace's key pair.

Usage: issuer keygen --out DIR [--algorithm RS256] [--bits 4096] [--json]

  --out DIR          the folder for private.pem (readable by its owner alone) and
                     public.pem; it is made if missing, and nothing is overwritten
  --algorithm NAME   RS256 (default, the platform's), ES256, ES384 or EdDSA
  --bits N           the size of an RS256 key: 2048, 3072 or 4096 (default)
  --json             print JSON

Give public.pem to the filter, as public_key or SCW_PUBLIC_KEY.
Keep private.pem to yourself.
";

pub const ISSUE_HELP: &str = "\
Mints a token and prints it, alone, on standard output.

Usage: issuer issue --key FILE (--namespace-id ID | --function-id ID | --container-id ID)
                    [--expires-in 1h | --expires-at TIME | --no-expiration] [options]

  --key FILE            the private key, in PEM: PKCS#8, PKCS#1 or SEC1
What the token opens, one of:
  --namespace-id ID     every function and container of the namespace
  --function-id ID      that function
  --container-id ID     that container
How long, one of (default: --expires-in 1h):
  --expires-in TIME     a while from now: 90s, 30m, 1h, 1h30m, 7d
  --expires-at TIME     a point in time, in RFC 3339: 2030-01-31T12:00:00Z
  --no-expiration       for ever; only a revoked token id or another key ends it
Rarely needed:
  --token-id UUID       the token's id (jti); random by default
  --issuer NAME         the issuer (iss); SCALEWAY by default
  --audience NAME       the audience (aud); functions by default
  --json                print JSON: the token, its id, its times
";

pub const INSPECT_HELP: &str = "\
Shows what a token says and, with a configuration, what the filter would decide and why.

Usage: issuer inspect [TOKEN | -] [--config FILE] [--at TIME] [--json]

  TOKEN          the token; without one, or with -, it is read from standard input,
                 which keeps it out of the shell's history
  --config FILE  the filter's plugin configuration, as JSON; without it the signature
                 is not checked
  --at TIME      judge as of this time, in RFC 3339; now by default
  --json         print JSON

As in the filter, the environment (SCW_PUBLIC, SCW_PUBLIC_KEY, SCW_NAMESPACE_ID,
SCW_APPLICATION_ID) stands in for members that the configuration leaves out.

Exit status: 0 admitted (or readable, without --config), 1 refused, 2 unusable input.
";
