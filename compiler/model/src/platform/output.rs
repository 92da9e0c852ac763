//! `output`: what a build writes beside the objects of the platform, for tools that deliver them and for other
//! environments.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::Expr;
use smol_str::SmolStr;

use crate::choice::choices;
use crate::eval::Evaluator;
use crate::origin::{Sourced, Via};
use crate::shown::{Names, Shown};
use crate::statements::Reader;

choices! {
    /// What delivers the output of a build.
    DeliveryTarget {
        /// Argo CD.
        ArgoCd = "argocd",
        /// Flux.
        Flux = "flux",
        /// Kustomize.
        Kustomize = "kustomize",
    }
}

impl DeliveryTarget {
    /// Whether it fetches what it delivers from a repository.
    #[must_use]
    pub const fn needs_repository(self) -> bool {
        match self {
            Self::ArgoCd | Self::Flux => true,
            Self::Kustomize => false,
        }
    }
}

/// What a build also writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// What a tool delivers.
    Delivery(Delivery),
    /// The objects under a profile.
    Environment(Environment),
}

/// `output TARGET ["repository" at "revision" [in "folder"]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// For whom.
    pub target: DeliveryTarget,
    /// Where they find what a build writes; kustomize needs none.
    pub repository: Option<Repository>,
}

/// `output lib for PROFILE in "folder"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The name of the profile.
    pub profile: Sourced<SmolStr>,
    /// The folder with `lib/` and `share/`, from that of the root file, without `/` at its ends.
    pub folder: Sourced<String>,
}

/// A Git repository that holds what a build writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// `https://…` or `ssh://…`
    pub url: String,
    /// A branch, `refs/…` or a commit.
    pub revision: String,
    /// The folder of the platform in it; empty for its root.
    pub folder: String,
}

impl Output {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Sourced<Self>>> {
        let start = reader.statement();
        let output = if reader.word("lib") {
            let environment = Environment::read(reader)?;
            reader.sourced(Self::Environment(environment), start)
        } else {
            Delivery::read(reader)?.map(Self::Delivery)
        };
        reader.finish();
        Some(vec![output])
    }
}

impl Shown for Output {
    fn show(&self, names: &dyn Names) -> String {
        match self {
            Self::Delivery(delivery) => delivery.target.show(names),
            Self::Environment(Environment { profile, folder }) => {
                format!("lib for {} in \"{}\"", profile.value, folder.value)
            }
        }
    }
}

impl Delivery {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let target: Sourced<DeliveryTarget> = reader.choice_of("`output`")?;
        let repository = if target.value.needs_repository() {
            Some(Repository::read(reader)?)
        } else {
            None
        };
        Some(target.map(|target| Self { target, repository }))
    }
}

impl Environment {
    /// `for PROFILE in "folder"`
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.need_keyword("for")?;
        let profile = reader.name("the name of a profile")?;
        reader.need_keyword("in")?;
        let expr = reader.expr("a folder in quotes")?;
        let text: String = reader.get(expr, Evaluator::text)?;
        if let Via::Profile(_) = reader.origin(expr.span).via {
            let message = "`output lib for` does not stand in a profile";
            return reader.refuse(
                Diagnostic::new(&codes::UNKNOWN_STATEMENT, message)
                    .at(reader.statement(), "in the wrong place")
                    .help("write it in the `platform` block, once for each profile"),
            );
        }
        let folder = Self::folder(reader, expr, &text)?;
        let (name, span) = (profile.text, profile.span);
        Some(Self {
            profile: reader.sourced(name, span),
            folder: reader.sourced(folder, expr.span),
        })
    }

    /// A folder below that of the root file, apart from those of the platform without a profile.
    fn folder(reader: &mut Reader<'_, '_>, expr: &Expr, text: &str) -> Option<String> {
        let folder = text.strip_suffix('/').unwrap_or(text);
        let folder = folder.strip_prefix("./").unwrap_or(folder);
        let mut parts = folder.split('/');
        let is_path = parts.all(|part| {
            let is_plain = |c: char| !c.is_control() && !"\\:*?\"<>|".contains(c);
            !matches!(part, "" | "." | "..") && part.chars().all(is_plain)
        });
        let first = folder.split('/').next().unwrap_or_default();
        let is_of_platform = OF_PLATFORM.contains(&first);
        if is_path && !is_of_platform {
            return Some(folder.to_owned());
        }
        let expected = match is_of_platform {
            true => format!("`{first}/` is that of the platform without a profile"),
            false => "expected a folder below that of the root file".to_owned(),
        };
        let message = format!("invalid folder `{}`: {expected}", text.escape_debug());
        reader.refuse(
            Diagnostic::new(&codes::BAD_PATH, message)
                .at(expr.span, "no output folder of its own")
                .help("write a path with `/`, such as `\"build/dev\"`"),
        )
    }
}

/// The folders that a build of the platform without a profile writes.
const OF_PLATFORM: [&str; 6] = ["lib", "share", "helm", "argocd", "flux", "kustomize"];

impl Repository {
    /// `"repository" at "revision" [in "folder"]`
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let url = reader.expr("the address of the repository that holds the output")?;
        reader.keyword("at")?;
        let revision = reader.expr("a branch in quotes")?;
        let folder = match reader.word("in") {
            true => {
                let expr = reader.expr("the folder in quotes")?;
                reader.get(expr, Evaluator::text)?
            }
            false => String::new(),
        };
        Some(Self {
            url: reader.get(url, Evaluator::text)?,
            revision: reader.get(revision, Evaluator::text)?,
            folder: folder.trim_matches('/').to_owned(),
        })
    }
}
