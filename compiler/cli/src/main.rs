//! `erpc`: the command line. Everything is in the library of this crate, so that tests run it in
//! their own process.

use std::process::ExitCode;

fn main() -> ExitCode {
    erpc_cli::main()
}
