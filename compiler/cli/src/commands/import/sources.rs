//! Inputs that another tool renders, and those of a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use erpc_diagnostics::nearest;
use erpc_import::{Hint, Input, Reading};

use super::super::cluster::{Access, block_on};
use crate::Failure;
use crate::manifests::Found;
use crate::project::describe;

/// Files by which another tool is recognized, its flag and its name.
pub(super) const OTHER_TOOLS: [(&str, &str, &str); 4] = [
    ("kustomization.yaml", "--kustomize", "Kustomize"),
    ("kustomization.yml", "--kustomize", "Kustomize"),
    ("Kustomization", "--kustomize", "Kustomize"),
    ("Chart.yaml", "--helm", "Helm"),
];

/// Whether a file is of another tool alone, and no manifest.
pub(super) fn is_of_other_tool(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    OTHER_TOOLS.iter().any(|(known, ..)| name == Some(*known))
}

/// What is read besides files.
#[derive(Debug, Args)]
pub(super) struct Tools {
    /// Chart to render with helm, which must be installed.
    #[arg(long, value_name = "CHART")]
    helm: Option<PathBuf>,
    /// File with values for the chart; can be repeated.
    #[arg(short = 'f', long, value_name = "FILE", requires = "helm")]
    values: Vec<PathBuf>,
    /// The name of the release, of which charts make the names of objects [default: the name of the chart's folder].
    #[arg(long, value_name = "RELEASE", requires = "helm")]
    release: Option<String>,
    /// Directory to render with kustomize or kubectl, one of which must be installed.
    #[arg(long, value_name = "DIR")]
    kustomize: Option<PathBuf>,
    /// Compose file to import.
    #[arg(long, value_name = "FILE")]
    compose: Option<PathBuf>,
    /// Import from a cluster, without the fields and objects that controllers and defaults added.
    #[arg(long)]
    cluster: bool,
    /// Import only this namespace; can be repeated [default: all except system namespaces].
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Vec<String>,
    #[command(flatten)]
    access: Access,
}

/// All that is imported.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) reading: Reading,
    /// Flows that something besides manifests shows.
    pub(super) hints: Vec<Hint>,
    /// Statements of the cluster block.
    pub(super) cluster: Vec<String>,
}

impl Tools {
    pub(super) fn is_empty(&self) -> bool {
        self.helm.is_none() && self.kustomize.is_none() && self.compose.is_none() && !self.cluster
    }

    /// The namespaces that are imported; all if there are none.
    pub(super) fn namespaces(&self) -> &[String] {
        &self.namespace
    }

    /// Adds what the tools render to the files.
    pub(super) fn read(&self, namespace: &str, found: &mut Found) -> Result<Sources, Failure> {
        let mut sources = Sources::default();
        if let Some(chart) = &self.helm {
            let folder = chart.file_stem().map(|name| name.to_string_lossy());
            let release = self.release.as_deref();
            let release = release.or(folder.as_deref()).unwrap_or("release");
            let mut command = Command::new("helm");
            command.args(["template", "--include-crds", "--namespace", namespace]);
            command.arg(release).arg(chart);
            for values in &self.values {
                command.arg("--values").arg(values);
            }
            let bytes = rendered(&mut command, "helm", chart)?;
            found
                .files
                .push((format!("{} (helm template)", chart.display()), bytes));
        }
        if let Some(folder) = &self.kustomize {
            found.files.push(kustomized(folder)?);
        }
        if let Some(file) = &self.compose {
            let path = file.display().to_string();
            let bytes = std::fs::read(file).map_err(|error| Failure::io(file, &error))?;
            let input = Input {
                path: &path,
                bytes: &bytes,
            };
            let (reading, hints) = erpc_import::compose(input, namespace);
            sources.reading = reading;
            sources.hints = hints;
        }
        if self.cluster {
            self.read_cluster(&mut sources, found)?;
        }
        Ok(sources)
    }
}

impl Tools {
    /// Adds the objects of a cluster, and what is known of it.
    fn read_cluster(&self, sources: &mut Sources, found: &mut Found) -> Result<(), Failure> {
        let existing = block_on(async {
            let cluster = self.access.connect("import").await?;
            Ok(erpc_cluster::existing(&cluster, &self.namespace).await?)
        })?;
        if let Some((name, known)) = existing.missing {
            let nearest = nearest(&name, known.iter().map(String::as_str));
            let nearest =
                nearest.map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
            return Err(Failure::Usage(format!(
                "namespace `{name}` does not exist in the cluster{nearest}"
            )));
        }
        found.failures.extend(existing.unread);
        let facts = &mut sources.cluster;
        if erpc_emit::schema::Version::named(&existing.version).is_some() {
            facts.push(format!("kubernetes {}", existing.version));
        }
        if !existing.services.is_empty() {
            facts.push(format!("services {}", existing.services.join(", ")));
        }
        facts.extend(existing.cni.map(|cni| format!("cni {cni}")));
        for (class, is_default) in existing.storage_classes {
            let default = if is_default { " default" } else { "" };
            facts.push(format!("storage {class}{default}"));
        }
        let objects = existing.objects.into_iter();
        sources
            .reading
            .objects
            .extend(objects.map(erpc_import::Object::live));
        Ok(())
    }
}

/// What Kustomize makes of a folder, with a name for it.
pub(super) fn kustomized(folder: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut own = Command::new("kustomize");
    own.arg("build").arg(folder);
    let mut of_kubectl = Command::new("kubectl");
    of_kubectl.arg("kustomize").arg(folder);
    let command = match (is_installed("kustomize"), is_installed("kubectl")) {
        (true, _) => &mut own,
        (false, true) => &mut of_kubectl,
        (false, false) => {
            return Err(Failure::Failed(format!(
                "neither `kustomize` nor `kubectl` is installed; render {} where one of them is, and import the result with `erpc import -`",
                folder.display()
            )));
        }
    };
    let bytes = rendered(command, "kustomize", folder)?;
    Ok((format!("{} (kustomize build)", folder.display()), bytes))
}

/// Whether a program is in one of the folders of `PATH`.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What a tool writes to standard output.
fn rendered(command: &mut Command, tool: &str, input: &Path) -> Result<Vec<u8>, Failure> {
    let output = command.output().map_err(|error| {
        Failure::Failed(format!(
            "{tool} cannot be run: {}; render {} where it is installed, and import the result with `erpc import -`",
            describe(&error),
            input.display()
        ))
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Failed(format!(
        "{tool} cannot render {}:\n{}",
        input.display(),
        errors.trim_end()
    )))
}
