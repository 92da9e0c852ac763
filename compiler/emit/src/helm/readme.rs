//! The chart's README: what it is, how it is installed, a table of every value.

use std::fmt::Write;

use erpc_model::Platform;

use super::values::{Field, Settings, flow};

pub(super) fn of(platform: &Platform, settings: &Settings) -> String {
    let mut out = String::new();
    let name = &platform.name.value;
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "# {name}\n\nThe platform as a chart: with its default values it prints the objects of `lib/` and `share/`.\n"
    );
    let _ = writeln!(
        out,
        "```sh\nhelm install {name} ./helm --namespace {name} --create-namespace\n```\n"
    );
    out.push_str(
        "A value changes sizes, replicas, images, hosts and what is on. Ports, flows and identity are no values:\n\
         the network policies are proven for them, so they change in the platform's source. What is switched off\n\
         takes with it every policy rule that names it; where something that stays on requires it, the chart\n\
         refuses to render and says who does. Namespaces and claims stay when the release is uninstalled.\n\n",
    );
    out.push_str("| value | default | |\n|---|---|---|\n");
    for (section, fields) in &settings.sections {
        for field in fields {
            row(&mut out, section, field);
        }
    }
    for (namespace, _) in &settings.namespaces {
        let _ = writeln!(
            out,
            "| `namespaces.{namespace}.enabled` | `true` | false removes all its objects and every policy rule that names them |"
        );
    }
    for (namespace, services) in &settings.namespaces {
        for service in services {
            for field in &service.fields {
                row(
                    &mut out,
                    &format!("services.{namespace}.{}", service.name),
                    field,
                );
            }
        }
    }
    out
}

fn row(out: &mut String, section: &str, field: &Field) {
    let default = flow(&field.default).replace('|', "\\|");
    let _ = writeln!(
        out,
        "| `{section}.{}` | `{default}` | {} |",
        field.name, field.says
    );
}
