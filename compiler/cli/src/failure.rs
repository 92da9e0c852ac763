//! Why a command ended without doing what it was called for.

use std::path::Path;

use crate::Exit;
use crate::console::Console;
use crate::format::Format;
use crate::project::{Compiled, describe};

/// Why a command ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage, or a name that does not exist.
    Usage(String),
    /// Something that could not be done.
    Failed(String),
    /// The program has errors.
    Errors(Box<Compiled>),
    /// A command against a cluster ended.
    Cluster(erpc_cluster::Failure),
}

impl Failure {
    /// A file or folder that cannot be read or written.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Failed(format!("{}: {}", path.display(), describe(error)))
    }

    /// Says it, in the format of the command; the exit code.
    pub(crate) fn report(&self, console: &mut Console<'_>) -> Exit {
        match self {
            Self::Usage(message) => {
                console.fail(message);
                Exit::Usage
            }
            Self::Failed(message) => {
                console.fail(message);
                Exit::Failed
            }
            Self::Errors(compiled) => {
                console.findings(&compiled.diagnostics, &compiled.sources, None);
                compiled.exit()
            }
            Self::Cluster(failure) => {
                report_cluster(failure, console);
                if failure.is_usage {
                    Exit::Usage
                } else {
                    Exit::Failed
                }
            }
        }
    }
}

fn report_cluster(failure: &erpc_cluster::Failure, console: &mut Console<'_>) {
    if console.format() == Format::Json {
        let text = serde_json::json!({
            "version": 1,
            "error": { "message": failure.message, "help": failure.help },
        });
        console.result(&format!("{text}\n"));
        return;
    }
    console.fail(&failure.message);
    if let Some(help) = &failure.help {
        console.error(&format!("  help: {help}"));
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<Box<Compiled>> for Failure {
    fn from(compiled: Box<Compiled>) -> Self {
        Self::Errors(compiled)
    }
}

impl From<erpc_cluster::Failure> for Failure {
    fn from(failure: erpc_cluster::Failure) -> Self {
        Self::Cluster(failure)
    }
}
