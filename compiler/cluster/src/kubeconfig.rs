//! What the kubeconfig says: which files are read, which context is meant, and how its server is
//! reached. The rules are kubectl's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::failure::Failure;
use crate::proxy::{Environment, Proxy};

/// How the user names a cluster.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `--kubeconfig FILE`; else `$KUBECONFIG`, `~/.kube/config`, the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context NAME`; else the current one.
    pub context: Option<String>,
    /// The command that asks, for the User-Agent header: `apply`.
    pub command: &'static str,
}

/// A server, who asks it, and the way to it.
pub(crate) struct Target {
    pub(crate) config: Config,
    /// The context's name, or `in-cluster`.
    pub(crate) context: String,
    pub(crate) proxy: Option<Proxy>,
}

/// Reads the kubeconfig, or, in a pod without one, the pod's ServiceAccount.
///
/// # Errors
///
/// There is no kubeconfig, it is invalid, or it lacks the context.
pub(crate) async fn target(access: &Access) -> Result<Target, Failure> {
    let files = Files::of(access);
    let found = files.read()?;
    let is_empty = found
        .as_ref()
        .is_none_or(|kubeconfig| kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty());
    let is_chosen = access.kubeconfig.is_some() || access.context.is_some();
    let is_in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    if is_empty && !is_chosen && is_in_pod {
        let config = Config::incluster().map_err(|error| {
            Failure::new(format!("the pod's ServiceAccount cannot be used: {error}"))
        })?;
        let proxy = Proxy::for_server(&config.cluster_url, None, &Environment::of_process())?;
        let context = "in-cluster".to_owned();
        return Ok(Target {
            config,
            context,
            proxy,
        });
    }
    let place = files.place();
    let Some(mut kubeconfig) = found else {
        return Err(Failure::new(format!("there is no kubeconfig at {place}"))
            .help("name one with --kubeconfig, or set KUBECONFIG"));
    };
    let context = context(&kubeconfig, access, &place)?;
    let proxy_url = take_proxy_url(&mut kubeconfig, &context);
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| {
            Failure::new(format!(
                "context `{context}` of {place} cannot be used: {error}"
            ))
            .help("correct the cluster and the user that the context names")
        })?;
    let proxy = Proxy::for_server(
        &config.cluster_url,
        proxy_url.as_deref(),
        &Environment::of_process(),
    )?;
    Ok(Target {
        config,
        context,
        proxy,
    })
}

/// The context that is meant.
fn context(kubeconfig: &Kubeconfig, access: &Access, place: &str) -> Result<String, Failure> {
    const NO_CONTEXT: &str =
        "it has no contexts; the tool that creates or logs in to clusters writes them";
    let names: Vec<&str> = kubeconfig
        .contexts
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    let chosen = access
        .context
        .as_ref()
        .or(kubeconfig.current_context.as_ref());
    let Some(context) = chosen.filter(|name| !name.is_empty()) else {
        let help = match names.as_slice() {
            [] => NO_CONTEXT.to_owned(),
            names => format!("choose one with --context: {}", names.join(", ")),
        };
        return Err(Failure::new(format!("{place} has no current context")).help(help));
    };
    if !names.contains(&context.as_str()) {
        let help = match names.as_slice() {
            [] => NO_CONTEXT.to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        return Err(Failure::new(format!("{place} has no context `{context}`")).help(help));
    }
    Ok(context.clone())
}

/// Takes `proxy-url` out of the cluster of a context. What `kube` finds instead keeps it from looking
/// at the environment, whose variables it reads by rules of its own.
fn take_proxy_url(kubeconfig: &mut Kubeconfig, context: &str) -> Option<String> {
    const UNUSED: &str = "http://localhost";
    let named = kubeconfig.contexts.iter().find(|c| c.name == context);
    let name = named?.context.as_ref()?.cluster.clone();
    let named = kubeconfig.clusters.iter_mut().find(|c| c.name == name);
    named?
        .cluster
        .as_mut()?
        .proxy_url
        .replace(UNUSED.to_owned())
}

/// The files that a kubeconfig is made of.
enum Files {
    /// `--kubeconfig`: one file, which must exist.
    One(PathBuf),
    /// `$KUBECONFIG`: those that exist are merged.
    List(Vec<PathBuf>),
    /// `~/.kube/config`; `None` without a home directory.
    Home(Option<PathBuf>),
}

impl Files {
    fn of(access: &Access) -> Self {
        if let Some(path) = &access.kubeconfig {
            return Self::One(path.clone());
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match set("KUBECONFIG") {
            Some(list) => Self::List(paths(&list)),
            None => {
                let home = set("HOME").or_else(|| set("USERPROFILE"));
                Self::Home(home.map(|home| PathBuf::from(home).join(".kube").join("config")))
            }
        }
    }

    /// How messages name them.
    fn place(&self) -> String {
        match self {
            Self::One(path) => path.display().to_string(),
            Self::List(paths) => {
                let paths: Vec<String> = paths
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                match paths.as_slice() {
                    [] => "$KUBECONFIG".to_owned(),
                    paths => paths.join(", "),
                }
            }
            Self::Home(_) => "~/.kube/config".to_owned(),
        }
    }

    /// Reads and merges them; `None` if there are none.
    fn read(&self) -> Result<Option<Kubeconfig>, Failure> {
        let paths: &[PathBuf] = match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::List(paths) => paths,
            Self::Home(path) => path.as_slice(),
        };
        let mut merged: Option<Kubeconfig> = None;
        for path in paths {
            let Some(mut next) = read(path)? else {
                continue;
            };
            // An empty name is none: a later file may give one.
            next.current_context = next.current_context.filter(|name| !name.is_empty());
            merged = Some(match merged {
                None => next,
                Some(before) => before.merge(next).map_err(|error| invalid(path, &error))?,
            });
        }
        Ok(merged)
    }
}

fn paths(list: &OsString) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in std::env::split_paths(list) {
        if !path.as_os_str().is_empty() && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// One file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<Kubeconfig>, Failure> {
    match Kubeconfig::read_from(path) {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::ReadConfig(error, _))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(KubeconfigError::ReadConfig(error, _)) => Err(Failure::new(format!(
            "{} cannot be read: {error}",
            path.display()
        ))),
        Err(error) => Err(invalid(path, &error)),
    }
}

fn invalid(path: &Path, error: &KubeconfigError) -> Failure {
    Failure::new(format!("{} is not a kubeconfig: {error}", path.display()))
        .help("write it anew, with the tool that made the cluster")
}
