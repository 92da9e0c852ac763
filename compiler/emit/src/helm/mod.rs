//! A chart that is the same platform: with its default values it prints the objects of `lib/` and
//! `share/`. The templates know kinds, never names: what a value may not change (identity, ports,
//! flows) is in the chart's `files/`, one file for each kind, and what may be changed without
//! losing the proof is in `values.yaml`, which its schema guards.

mod entries;
mod readme;
mod schema;
mod text;
mod values;

use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::Derived;
use rayon::prelude::*;

use self::entries::Gathered;
use self::values::{Settings, Shape};
use crate::file::Remark;
use crate::kubernetes::source_of;
use crate::{ObjectFile, OutputFile, yaml};

macro_rules! templates {
    ($($name:literal)*) => {
        /// The templates, of which a chart has those of its kinds; `platform` stands for its name.
        const TEMPLATES: &[(&str, &str)] = &[
            $((
                concat!("helm/templates/", $name),
                include_str!(concat!("templates/", $name)),
            ),)*
        ];
    };
}

templates! {
    "NOTES.txt"
    "_helpers.tpl"
    "_pod.tpl"
    "checks.yaml"
    "clusterrolebindings.yaml"
    "clusterroles.yaml"
    "configmaps.yaml"
    "cronjobs.yaml"
    "daemonsets.yaml"
    "deployments.yaml"
    "horizontalpodautoscalers.yaml"
    "ingressclasses.yaml"
    "ingresses.yaml"
    "jobs.yaml"
    "limitranges.yaml"
    "manifests.yaml"
    "namespaces.yaml"
    "networkpolicies.yaml"
    "persistentvolumeclaims.yaml"
    "poddisruptionbudgets.yaml"
    "resourcequotas.yaml"
    "rolebindings.yaml"
    "roles.yaml"
    "serviceaccounts.yaml"
    "services.yaml"
    "statefulsets.yaml"
    "storageclasses.yaml"
}

/// The template that refuses values, which is in every chart.
const CHECKS: &str = "helm/templates/checks.yaml";

const IGNORED: &str = "\
.DS_Store
.git/
.gitignore
*.bak
*.erpc-new
*.orig
*.swp
*.tmp
*~
";

/// A platform and what it is under each of its profiles, by their names.
struct Variants<'p> {
    platform: &'p Platform,
    derived: &'p Derived,
    profiles: Vec<(&'p str, Platform)>,
}

impl<'p> Variants<'p> {
    fn of(platform: &'p Platform, derived: &'p Derived) -> Self {
        let profiles = platform.profiles();
        let profiles =
            profiles.map(|(id, profile)| (profile.name.value.as_str(), platform.under(id)));
        Self {
            platform,
            derived,
            profiles: profiles.collect(),
        }
    }

    /// A platform without profiles.
    fn alone(platform: &'p Platform, derived: &'p Derived) -> Self {
        Self {
            platform,
            derived,
            profiles: Vec::new(),
        }
    }

    /// The platform as declared, then under each profile.
    fn all(&self) -> impl Iterator<Item = &Platform> {
        let profiles = self.profiles.iter().map(|(_, under)| under);
        std::iter::once(self.platform).chain(profiles)
    }
}

/// The namespace that the chart's README records a release in.
#[must_use]
pub fn release_namespace(platform: &Platform) -> String {
    readme::release_namespace(platform)
}

/// The chart of a platform as declared, sorted by path; a profile is a file of values in it.
#[must_use]
pub fn chart(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<OutputFile> {
    beside(platform, derived, sources, |_| ()).0
}

/// The chart, and what `also` makes of the objects that it is made of.
pub(crate) fn beside<T: Send>(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    also: impl Fn(&[ObjectFile]) -> T + Sync,
) -> (Vec<OutputFile>, Vec<T>) {
    let source = source_of(sources, platform.name.span());
    let name = platform.name.value.as_str();
    let file =
        |path: &str, remark, body: &str| OutputFile::with_header(path, remark, &source, name, body);
    let variants = Variants::of(platform, derived);
    let shape = Shape::of(&variants);
    let Gathered {
        files: entries,
        fixed,
        definitions,
        also,
    } = entries::collect(&variants, sources, &shape, also);
    let mut settings = values::settings(platform, sources, &shape, &fixed);
    let profiles = variants.profiles.iter();
    let profiles: Vec<(&str, Settings)> = profiles
        .map(|(name, under)| (*name, values::settings(under, sources, &shape, &fixed)))
        .collect();
    for (_, under) in &profiles {
        settings.add_missing(under);
    }
    let mut files: Vec<OutputFile> = entries
        .into_par_iter()
        .map(|(kind, parts)| {
            let path = format!("helm/files/{kind}.yaml");
            OutputFile::of_parts(&path, Remark::HASH, &source, name, &parts)
        })
        .collect();
    for definition in &definitions {
        let path = format!("helm/crds/{}.yaml", definition.name());
        let mut body = String::new();
        // Objects have string keys only, which is all that could fail to be written.
        let _ = yaml::write(&mut body, definition);
        files.push(file(&path, Remark::HASH, &body));
    }
    for (profile, under) in &profiles {
        files.push(file(
            &format!("helm/values-{profile}.yaml"),
            Remark::HASH,
            &text::differences(&settings, under),
        ));
    }
    // Named templates are global: those of two charts below one must not be called alike.
    let own = format!("\"{name}.");
    for (path, body) in TEMPLATES {
        // The template of a kind that the platform does not have would print nothing.
        let reads = path.replace("/templates/", "/files/");
        let is_kind = path.ends_with(".yaml") && *path != CHECKS;
        if !is_kind || files.iter().any(|file| file.path == reads) {
            let body = body.replace("\"platform.", &own);
            files.push(file(path, Remark::TEMPLATE, &body));
        }
    }
    files.push(file("helm/.helmignore", Remark::HASH, IGNORED));
    files.push(file(
        "helm/Chart.yaml",
        Remark::HASH,
        &description(platform),
    ));
    let schema = || {
        let body = schema::render(&variants, &settings, &shape);
        file("helm/values.schema.json", Remark::SCHEMA, &body)
    };
    let readme = || {
        let body = readme::render(&variants, &settings);
        file("helm/README.md", Remark::MARKDOWN, &body)
    };
    let values = || {
        let body = text::whole(&settings);
        file("helm/values.yaml", Remark::HASH, &body)
    };
    let (schema, (readme, values)) = rayon::join(schema, || rayon::join(readme, values));
    files.extend([schema, readme, values]);
    // So many small values that freeing them one by one would show.
    settings.namespaces.into_par_iter().for_each(drop);
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    (files, also)
}

fn description(platform: &Platform) -> String {
    let title = platform.title.as_ref().map(|title| title.value.as_str());
    let said = title.or(platform.doc.as_deref()).unwrap_or("A platform");
    format!(
        "apiVersion: v2\nname: {}\ndescription: {}\ntype: application\nversion: {}\nappVersion: {}\nkubeVersion: \">=1.31.0-0\"\n",
        yaml::scalar(&platform.name.value),
        yaml::scalar(said.lines().next().unwrap_or("A platform")),
        yaml::scalar(&chart_version(&platform.version.value)),
        serde_json::Value::from(platform.version.value.as_str()),
    )
}

/// Helm wants three numbers (SemVer 2); a platform may be called version `7` or `2024.06`.
fn chart_version(version: &str) -> String {
    let (numbers, rest) = version.split_at(
        version
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(version.len()),
    );
    let mut parts: Vec<&str> = numbers
        .split('.')
        .map(|part| part.trim_start_matches('0'))
        .map(|part| if part.is_empty() { "0" } else { part })
        .collect();
    let more = parts.split_off(parts.len().min(3)).join(".");
    parts.resize(3, "0");
    let rest: String = format!("{more}{rest}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let rest = rest.trim_matches('-');
    let numbers = parts.join(".");
    if rest.is_empty() {
        numbers
    } else {
        // A letter in front, so that no part of it is a number that starts with 0.
        format!("{numbers}-r{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::chart_version;

    #[test]
    fn every_version_of_a_platform_is_one_of_a_chart() {
        for (platform, chart) in [
            ("2024.6.15", "2024.6.15"),
            ("7", "7.0.0"),
            ("2024.06", "2024.6.0"),
            ("1.2.3.4", "1.2.3-r4"),
            ("1.2-rc.1", "1.2.0-rrc-1"),
            ("next", "0.0.0-rnext"),
            ("", "0.0.0"),
        ] {
            assert_eq!(chart_version(platform), chart, "{platform}");
        }
    }
}
