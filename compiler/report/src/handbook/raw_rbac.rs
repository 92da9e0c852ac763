//! The roles and bindings among the manifests, with what is dangerous in them.

use erpc_model::{Manifest, PatchValue, Sourced};

use super::{Source, Table, shown};

/// Resources whose contents are secret, and verbs that show them.
const READING: [&str; 4] = ["get", "list", "watch", "*"];
/// Verbs by which an account gets rights that it was not given.
const RAISING: [&str; 3] = ["bind", "escalate", "impersonate"];
/// Roles of every cluster that may do nearly everything.
const STRONG: [&str; 3] = ["admin", "cluster-admin", "edit"];

/// The table of the roles and bindings that the platform takes as they are written; `None` without one.
pub(super) fn table(source: &Source<'_>) -> Option<Table> {
    let of_rbac = |manifest: &&Manifest| {
        manifest
            .api_version
            .starts_with("rbac.authorization.k8s.io/")
    };
    let manifests = source.platform.manifests.iter().filter(of_rbac);
    let rows: Vec<Vec<String>> = manifests
        .flat_map(|manifest| match manifest.kind.as_str() {
            "Role" | "ClusterRole" => of_role(source, manifest),
            "RoleBinding" | "ClusterRoleBinding" => vec![of_binding(source, manifest)],
            _ => Vec::new(),
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = [
        ("object", "об'єкт"),
        ("may", "дозволено"),
        ("on", "над"),
        ("danger", "небезпека"),
        ("reason", "підстава"),
        ("taken by", "взято"),
    ];
    let table = source.table(&head, rows);
    Some(source.captioned(
        (
            "Roles and bindings among the manifests",
            "Ролі та прив'язки серед маніфестів",
        ),
        table,
    ))
}

fn items(value: Option<&Sourced<PatchValue>>) -> &[Sourced<PatchValue>] {
    match value.map(|value| &value.value) {
        Some(PatchValue::List(items)) => items,
        _ => &[],
    }
}

fn texts<'m>(rule: &'m PatchValue, name: &str) -> Vec<&'m str> {
    let items = items(rule.get(name)).iter();
    items.filter_map(|item| item.value.as_text()).collect()
}

fn name_of(manifest: &Manifest) -> String {
    let name = &manifest.name.value;
    match (manifest.kind.starts_with("Cluster"), manifest.namespace()) {
        (false, Some(namespace)) => format!("{} {}/{name}", manifest.kind, namespace.value),
        _ => format!("{} {name}", manifest.kind),
    }
}

fn row(source: &Source<'_>, manifest: &Manifest, [may, on, danger]: [String; 3]) -> Vec<String> {
    vec![
        name_of(manifest),
        may,
        on,
        danger,
        manifest.because.clone().unwrap_or_default(),
        shown(source.sources.place(manifest.statement)),
    ]
}

/// A row for each rule.
fn of_role(source: &Source<'_>, manifest: &Manifest) -> Vec<Vec<String>> {
    let rules = items(manifest.fields.value.get("rules")).iter();
    rules
        .map(|rule| {
            let (verbs, resources) = (texts(&rule.value, "verbs"), texts(&rule.value, "resources"));
            let groups = texts(&rule.value, "apiGroups");
            let group = match groups.as_slice() {
                [] | [""] => String::new(),
                groups => format!(" ({})", groups.join(", ")),
            };
            let names = texts(&rule.value, "resourceNames");
            let names = match names.as_slice() {
                [] => String::new(),
                names => format!(": {}", names.join(", ")),
            };
            let urls = texts(&rule.value, "nonResourceURLs");
            let on = match urls.as_slice() {
                [] => format!("{}{group}{names}", resources.join(", ")),
                urls => urls.join(", "),
            };
            let is_core = groups.iter().any(|group| ["", "*"].contains(group));
            let dangers = dangers(&verbs, &resources, is_core);
            let dangers = dangers.iter().map(|(en, uk)| source.say(en, uk));
            let danger = dangers.collect::<Vec<_>>().join("; ");
            row(source, manifest, [verbs.join(", "), on, danger])
        })
        .collect()
}

fn dangers(verbs: &[&str], resources: &[&str], is_core: bool) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if verbs.contains(&"*") {
        found.push(("every verb", "будь-яка дія"));
    }
    if resources.contains(&"*") {
        found.push(("every resource", "будь-який ресурс"));
    }
    let shows = verbs.iter().any(|verb| READING.contains(verb));
    if is_core && shows && resources.iter().any(|one| ["secrets", "*"].contains(one)) {
        found.push(("reads Secrets", "читає секрети"));
    }
    if verbs.iter().any(|verb| RAISING.contains(verb)) {
        found.push(("can raise its own rights", "може підвищити власні права"));
    }
    found
}

fn of_binding(source: &Source<'_>, manifest: &Manifest) -> Vec<String> {
    let fields = &manifest.fields.value;
    let text = |value: &PatchValue, name: &str| {
        let text = value.get(name).and_then(|text| text.value.as_text());
        text.unwrap_or_default().to_owned()
    };
    let role = fields.get("roleRef").map(|role| &role.value);
    let role = role.map_or_else(Default::default, |role| {
        (text(role, "kind"), text(role, "name"))
    });
    let subjects = items(fields.get("subjects")).iter().map(|subject| {
        let (kind, name) = (text(&subject.value, "kind"), text(&subject.value, "name"));
        match text(&subject.value, "namespace").as_str() {
            "" => format!("{kind} {name}"),
            namespace => format!("{kind} {namespace}/{name}"),
        }
    });
    let is_strong = role.0 == "ClusterRole" && STRONG.contains(&role.1.as_str());
    let danger = match is_strong {
        true => source.say("nearly everything is allowed", "дозволено майже все"),
        false => String::new(),
    };
    let subjects = subjects.collect::<Vec<_>>().join(", ");
    let role = format!("{} {}", role.0, role.1);
    row(source, manifest, [format!("-> {role}"), subjects, danger])
}

#[cfg(test)]
mod tests {
    use super::dangers;

    #[test]
    fn what_reads_secrets_or_raises_rights_is_dangerous() {
        let found = |verbs: &[&str], resources: &[&str], is_core| {
            let found = dangers(verbs, resources, is_core).into_iter();
            found.map(|(english, _)| english).collect::<Vec<_>>()
        };
        assert!(found(&["get", "list"], &["pods"], true).is_empty());
        assert!(found(&["create"], &["secrets"], true).is_empty());
        assert!(found(&["get"], &["secrets"], false).is_empty());
        assert_eq!(found(&["list"], &["secrets"], true), ["reads Secrets"]);
        assert_eq!(
            found(&["bind"], &["roles"], false),
            ["can raise its own rights"]
        );
        assert_eq!(
            found(&["*"], &["*"], true),
            ["every verb", "every resource", "reads Secrets"]
        );
    }
}
