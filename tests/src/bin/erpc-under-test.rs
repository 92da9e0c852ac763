//! The command line as a program of its own, for tests that run it from a shell. Cargo builds it
//! before the tests of this package, which it does not do for the one in `compiler/cli`.

fn main() -> std::process::ExitCode {
    erpc_cli::main()
}
