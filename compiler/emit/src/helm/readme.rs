//! The chart's README: what it is, how it is installed, a table of every value.

use std::fmt::Write;

use erpc_model::Platform;

use super::Variants;
use super::text::push_flow;
use super::values::{Field, Settings};

/// Where a release is recorded. It is there before the release, so it is none of the platform's own
/// namespaces, which the chart makes.
pub(super) fn release_namespace(platform: &Platform) -> String {
    let name = &platform.name.value;
    let mut namespaces = platform.namespaces();
    if namespaces.any(|(_, namespace)| namespace.name.value == *name) {
        format!("{name}-release")
    } else {
        name.to_string()
    }
}

pub(super) fn render(variants: &Variants<'_>, settings: &Settings) -> String {
    let mut out = String::new();
    let platform = variants.platform;
    let name = &platform.name.value;
    let namespace = release_namespace(platform);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "# {name}\n\nThe platform as a chart: with its default values it prints the objects of `lib/` and `share/`.\n"
    );
    let _ = writeln!(
        out,
        "## Install\n\nHelm 4 or 3; Kubernetes 1.31 or later, with a network plugin that enforces policies.\n\n\
         ```sh\nhelm install {name} ./helm --namespace {namespace} --create-namespace\n```\n\n\
         The release is recorded in `{namespace}`; the platform's own namespaces are part of the chart."
    );
    if !variants.profiles.is_empty() {
        out.push_str(
            "With the values of a profile it prints the platform under that profile:\n\n```sh\n",
        );
        for (profile, _) in &variants.profiles {
            let _ = writeln!(
                out,
                "helm upgrade {name} ./helm --namespace {namespace} --values ./helm/values-{profile}.yaml"
            );
        }
        out.push_str("```\n");
    }
    out.push_str(
        "\n## Values\n\n\
         A value changes sizes, replicas, images, hosts and what is on. Ports, flows and identity are no values:\n\
         the network policies are proven for them, so they change in the platform's source. What is switched off\n\
         takes with it every policy rule that names it; where something that stays on requires it, the chart\n\
         refuses to render and says who does. Namespaces and claims stay when the release is uninstalled.\n\n",
    );
    out.push_str("| value | default | what it does |\n|---|---|---|\n");
    for (section, fields) in &settings.sections {
        for field in fields {
            row(&mut out, section, field);
        }
    }
    for namespace in &settings.namespaces {
        for field in &namespace.fields {
            row(&mut out, &format!("namespaces.{}", namespace.name), field);
        }
    }
    for namespace in &settings.namespaces {
        for service in &namespace.services {
            let path = format!("services.{}.{}", namespace.name, service.name);
            for field in &service.fields {
                row(&mut out, &path, field);
            }
        }
    }
    out
}

fn row(out: &mut String, section: &str, field: &Field) {
    // Writing to a string cannot fail.
    let _ = write!(out, "| `{section}.{}` | `", field.name);
    let at = out.len();
    push_flow(out, &field.default);
    // A bar would end the cell.
    if out[at..].contains('|') {
        let default = out.split_off(at).replace('|', "\\|");
        out.push_str(&default);
    }
    let _ = writeln!(out, "` | {} |", field.says);
}
