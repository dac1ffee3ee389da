//! Makes namespace keys and tokens, and explains tokens: arguments in, text out.

#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
