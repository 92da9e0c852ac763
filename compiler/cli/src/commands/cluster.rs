//! What the commands against a cluster share: their flags, the program with its objects, and the way to the
//! cluster.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_cluster::{Allowed, Cluster, Paint, Program};
use erpc_diagnostics::Severity;

use crate::arguments::{Input, Library};
use crate::console::Console;
use crate::project::{Checked, Compiled};
use crate::text::count;
use crate::{Exit, Failure, names};

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Context of the kubeconfig [default: the current context].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Kubeconfig file [default: $KUBECONFIG, then ~/.kube/config; in a pod, its ServiceAccount].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Access {
    /// Connects to the cluster, for the command of this name.
    pub(super) async fn connect(&self, command: &'static str) -> Result<Arc<Cluster>, Failure> {
        let access = erpc_cluster::Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            command,
        };
        Ok(Arc::new(Cluster::connect(&access).await?))
    }
}

/// How much a plan shows.
#[derive(Debug, Args)]
pub(crate) struct Detail {
    /// List every object and field, long values in full, and each object as it is written.
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl Detail {
    pub(super) const fn of_plan(&self) -> erpc_cluster::Detail {
        if self.verbose {
            erpc_cluster::Detail::Full
        } else {
            erpc_cluster::Detail::Short
        }
    }
}

/// What a plan may do beyond creating and changing.
#[derive(Debug, Args)]
pub(crate) struct Permit {
    /// Plan only this namespace or service; can be repeated [default: the whole platform]. Shared objects
    /// are created if missing, but not changed.
    #[arg(long, value_name = "NAMESPACE[.SERVICE]", add = ArgValueCompleter::new(names::services_and_namespaces))]
    only: Vec<String>,
    /// Delete applied objects that the source no longer declares.
    #[arg(long)]
    prune: bool,
    /// Revoke first what the source no longer allows (policy rules, RBAC rules and bindings, routes),
    /// without waiting for rollouts. Pods of the earlier revision lose access at once.
    #[arg(long)]
    revoke: bool,
    /// Take over the fields of this field manager, and remove what it added to declared objects.
    ///
    /// Applies to all objects by default. MANAGER=NAMESPACE, MANAGER=NAMESPACE/NAME,
    /// MANAGER=KIND/NAMESPACE/NAME and, for cluster-scoped objects, MANAGER=KIND/NAME restrict it. Can be
    /// repeated.
    #[arg(long, value_name = "MANAGER[=OBJECT]")]
    take_from: Vec<erpc_cluster::Taking>,
    /// Delete and recreate the objects of this name if an immutable field changes.
    #[arg(long, value_name = "NAME")]
    replace: Vec<String>,
    /// Stop a renamed (`moved`) service while its volumes move to the new name.
    #[arg(long)]
    move_volumes: bool,
    /// Take over objects that another platform owns, or a platform that was applied from another source.
    #[arg(long)]
    take_over: bool,
    /// Apply even if Argo CD or Flux manages the same objects and may revert them.
    #[arg(long)]
    even_if_gitops: bool,
    /// Wait this long for missing Secrets instead of blocking the plan, for Secrets that cert-manager or
    /// External Secrets creates during the first apply [default when given: 10m].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration)]
    wait_for_secrets: Option<Duration>,
}

impl Permit {
    /// The flags that were given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let Self {
            only,
            prune,
            revoke,
            take_from,
            replace,
            move_volumes,
            take_over,
            even_if_gitops,
            wait_for_secrets,
        } = self;
        let flags = [
            (!only.is_empty(), "--only"),
            (*prune, "--prune"),
            (*revoke, "--revoke"),
            (!take_from.is_empty(), "--take-from"),
            (!replace.is_empty(), "--replace"),
            (*move_volumes, "--move-volumes"),
            (*take_over, "--take-over"),
            (*even_if_gitops, "--even-if-gitops"),
            (wait_for_secrets.is_some(), "--wait-for-secrets"),
        ];
        let given = flags.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, flag)| flag).collect()
    }

    /// The same for the planner.
    pub(super) fn allowed(&self) -> Allowed {
        Allowed {
            only: self.only.clone(),
            prune: self.prune,
            revoke: self.revoke,
            take_from: self.take_from.clone(),
            replace: self.replace.clone(),
            move_volumes: self.move_volumes,
            take_over: self.take_over,
            even_if_gitops: self.even_if_gitops,
            wait_for_secrets: self.wait_for_secrets,
        }
    }
}

/// `90s`, `5m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, factor) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a time is a number with s, m or h: 90s, 5m, 1h".to_owned())?;
    let seconds = number.saturating_mul(factor);
    Ok(Duration::from_secs(seconds))
}
/// Runs a command about the objects of a program. Its answer comes first, and warnings about the source are one
/// line after it.
pub(super) fn about(
    input: &Input,
    console: &mut Console<'_>,
    work: impl FnOnce(&Program<'_>, &mut Console<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let checked = input.check()?;
    let result = work(&program(&checked), console);
    let exit = result.unwrap_or_else(|failure| failure.report(console));
    mention_warnings(&checked, console);
    Ok(exit)
}

/// Says how many warnings about the source there are.
pub(super) fn mention_warnings(checked: &Checked, console: &mut Console<'_>) {
    let warnings = checked.warnings.count(Severity::Warning);
    if warnings > 0 {
        let warnings = count(warnings, "warning");
        console.note(&format!("{warnings} about the source: see `erpc check`"));
    }
}

/// Runs what waits for a cluster to its end.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    erpc_cluster::block_on(future)?
}

/// The name of the platform at a path. A program with errors has one, too, so that an earlier release can
/// be looked at and brought back whatever state the source is in.
pub(super) fn platform_name(path: Option<&Path>, library: &Library) -> Result<String, Failure> {
    let project = library.find(path)?;
    let (loaded, mut found) = erpc_model::load(&project.root, &project);
    let resolved = erpc_model::resolve(&loaded, &project);
    if let Some(platform) = resolved.platform {
        return Ok(platform.name.value.to_string());
    }
    found.extend(resolved.diagnostics);
    Err(Failure::Errors(Box::new(Compiled {
        sources: loaded.sources,
        diagnostics: found.sorted(),
        ..Compiled::default()
    })))
}

/// The objects of a program.
pub(super) fn program(checked: &Checked) -> Program<'_> {
    let platform = &checked.platform;
    let profile = platform.profile.map(|id| platform[id].name.value.as_str());
    Program::of(platform, &checked.derived, &checked.sources, profile)
}

/// The part of a program that `--only` selects, if it does.
pub(super) fn selected<'p>(program: &Program<'p>, allowed: &Allowed) -> Option<Program<'p>> {
    (!allowed.only.is_empty()).then(|| program.narrowed(&allowed.only))
}

pub(super) fn paint(console: &Console<'_>) -> Paint {
    if console.has_color() {
        Paint::Ansi
    } else {
        Paint::Plain
    }
}

/// Objects as one list in JSON.
pub(super) fn list(objects: &[serde_json::Value]) -> String {
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    list.to_string() + "\n"
}

/// Objects as YAML documents.
pub(super) fn manifests(objects: &[serde_json::Value]) -> String {
    let documents: Vec<String> = objects
        .iter()
        .map(|object| serde_saphyr::to_string(object).expect("the keys of JSON are strings"))
        .collect();
    documents.join("---\n")
}
