//! Patches as users write them: by paths, with maps and lists, and as strategic merge patches.

use erpc_emit::schema::{self, Version};
use erpc_tests::Memory;
use erpc_tests::programs::changes::Changes;
use serde_json::{Value, json};

const SERVICE: &str = r#"
    image  "a/b:1.0"
    port   http 8080
    cpu    100m
    memory 64Mi
    access by port-forward
    env    LEVEL = "info"
    env    MODE  = "fast"
    config files { "a" = "b" } at "/etc/files"
"#;

fn program(patch: &str) -> Memory {
    Memory::of(format!(
        "erp 1\nplatform p {{ version \"1\"; cluster main }}\ntiers logic\ncluster main {{ kubernetes 1.37; cni calico }}\n\
         namespace n {{\n  tier logic\n  labels \"pod-security.kubernetes.io/enforce\" = \"privileged\"\n  service web {{{SERVICE}\n{patch}\n  }}\n}}\n"
    ))
}

/// The Deployment of a program, or the messages of its errors.
fn deployment(program: &Memory) -> Result<Value, Vec<String>> {
    let compiled = program.compile();
    let (platform, derived) = compiled.result.as_ref().ok_or_else(|| {
        let found = compiled.diagnostics.as_slice().iter();
        found.map(|found| found.message.clone()).collect::<Vec<_>>()
    })?;
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let objects = files.iter().flat_map(|file| &file.objects);
    let mut objects = objects.map(|object| json!(object));
    Ok(objects
        .find(|object| object["kind"] == "Deployment")
        .expect("the service has one"))
}

fn patched(patch: &str) -> Value {
    let made = deployment(&program(patch));
    made.unwrap_or_else(|messages| panic!("{patch}: {messages:?}"))
}

#[test]
fn a_strategic_merge_patch_sets_what_the_fields_of_a_block_set() {
    for (block, yaml) in [
        ("spec.minReadySeconds = 5", "spec: { minReadySeconds: 5 }"),
        (
            "spec.template.spec.tolerations = [{ key = \"a\"; operator = \"Exists\" }]",
            "spec: { template: { spec: { tolerations: [{ key: a, operator: Exists }] } } }",
        ),
        (
            "spec.template.spec.containers.web.env.LEVEL.value = \"debug\"",
            "spec: { template: { spec: { containers: [{ name: web, env: [{ name: LEVEL, value: debug }] }] } } }",
        ),
        (
            "spec.template.spec.containers.web.env.MODE = off",
            "spec: { template: { spec: { containers: [{ name: web, env: [{ name: MODE, $patch: delete }] }] } } }",
        ),
        (
            "spec.strategy = { type = \"Recreate\" }",
            "spec: { strategy: { $patch: replace, type: Recreate } }",
        ),
        (
            "spec.strategy { type = \"Recreate\"; rollingUpdate = off }",
            "spec: { strategy: { type: Recreate, rollingUpdate: null } }",
        ),
        (
            "spec.template.spec.volumes.cache = { emptyDir = { } }",
            "spec: { template: { spec: { volumes: [{ name: cache, emptyDir: {} }] } } }",
        ),
        (
            "spec.template.spec.hostAliases.\"+\" = { ip = \"10.0.0.1\", hostnames = [\"db\"] }",
            "spec: { template: { spec: { hostAliases: [{ ip: 10.0.0.1, hostnames: [db] }] } } }",
        ),
        (
            "spec.template.spec.nodeSelector { \"kubernetes.io/os\" = \"linux\" }",
            "spec: { template: { spec: { nodeSelector: { kubernetes.io/os: linux } } } }",
        ),
        (
            "spec.template.spec.containers.web.resources.limits.\"nvidia.com/gpu\" = 1",
            "spec: { template: { spec: { containers: [{ name: web, resources: { limits: { nvidia.com/gpu: 1 } } }] } } }",
        ),
    ] {
        let block = patched(&format!("patch deployment {{ {block} }}"));
        let merged = patched(&format!("patch deployment \"\"\"\n{yaml}\n\"\"\""));
        assert_eq!(block, merged, "{yaml}");
        assert_ne!(block, patched(""), "{yaml}");
    }
}

#[test]
fn a_merge_keeps_what_it_does_not_name() {
    let merged = patched(
        "patch deployment \"\"\"\nspec:\n  template:\n    spec:\n      containers:\n      - { name: web, tty: true, env: [{ name: MORE, value: x }] }\n      volumes: [{ name: more, emptyDir: {} }]\n\"\"\"",
    );
    let before = patched("");
    let pod = &merged["spec"]["template"]["spec"];
    let mut first = pod["containers"][0].clone();
    assert_eq!(first["tty"], true);
    first.as_object_mut().expect("fields").remove("tty");
    let env = first["env"].as_array_mut().expect("a list");
    assert_eq!(env.pop(), Some(json!({"name": "MORE", "value": "x"})));
    assert_eq!(first, before["spec"]["template"]["spec"]["containers"][0]);
    let volumes = pod["volumes"].as_array().expect("a list");
    assert_eq!(
        volumes.last(),
        Some(&json!({"name": "more", "emptyDir": {}}))
    );
}

/// Both forms of a patch make the same object, or are both refused.
#[test]
fn both_forms_of_a_random_patch_do_the_same() {
    let before = deployment(&program("")).expect("a program without errors");
    let kind = schema::kind(Version::NEWEST, "apps/v1", "Deployment").expect("a kind");
    let fields = schema::fields(Version::NEWEST, kind);
    let mut compared = 0;
    for seed in 0..400 {
        let change = Changes::new(seed).change(&before, fields);
        let Some(merge) = change.merge("Deployment", None, &before) else {
            continue;
        };
        let block = deployment(&program(&change.patch("Deployment", None)));
        let merged = deployment(&program(&merge));
        match (&block, &merged) {
            (Ok(block), Ok(merged)) => assert_eq!(block, merged, "{merge}"),
            (Err(_), Err(_)) => {}
            // A merge may repeat what a statement sets.
            (Err(_), Ok(merged)) if *merged == before => {}
            _ => panic!("{merge}\n{block:?}\n{merged:?}"),
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// A patch of any bytes gives a diagnostic or an object, and never a panic.
#[test]
fn any_text_is_a_patch_or_an_error() {
    let texts = [
        "",
        "a",
        "- 1",
        "{",
        "a: &a [*a]",
        "a: &a { b: *a }",
        "<<: { spec: { minReadySeconds: 1 } }",
        "spec: [",
        "spec: []",
        "spec: 1",
        "spec: null",
        "spec: { template: null }",
        "spec: { template: { spec: { containers: null } } }",
        "spec: { template: { spec: { containers: {} } } }",
        "spec: { template: { spec: { containers: [[]] } } }",
        "spec: { template: { spec: { containers: [{ name: { a: b } }] } } }",
        "spec: { template: { spec: { containers: [{ name: web, $patch: delete }] } } }",
        "spec: { template: { spec: { containers: [{ $patch: replace }] } } }",
        "metadata: null",
        "metadata: { name: other }",
        "kind: Service",
        "$patch: replace",
        "%YAML 1.2\n---\na: b",
        "\u{feff}spec: { minReadySeconds: 1 }",
        "spec: { minReadySeconds: .inf }",
        "spec: { minReadySeconds: 99999999999999999999 }",
        "? [a]\n: b",
        "a: b: c",
        "\t",
    ];
    let deep = format!("spec: {}1{}", "{ a: ".repeat(190), " }".repeat(190));
    for text in texts.into_iter().chain([deep.as_str()]) {
        let made = deployment(&program(&format!(
            "patch deployment \"\"\"\n{text}\n\"\"\""
        )));
        if let Err(messages) = made {
            assert!(!messages.is_empty(), "{text}");
        }
    }
}

/// The language reference shows both forms.
#[test]
fn names_of_ports_can_be_patched_where_nothing_is_hardened() {
    let patches = "patch deployment \"\"\"\nspec: { template: { spec: { containers: [{ name: web, ports: [{ containerPort: 8080, name: null }] }] } } }\n\"\"\"\n\
                   patch service \"\"\"\nspec: { ports: [{ port: 8080, name: web, targetPort: 8080 }] }\n\"\"\"";
    let made = deployment(&program(&format!("defaults kubernetes\n{patches}")));
    let made = made.unwrap_or_else(|messages| panic!("{messages:?}"));
    let port = &made["spec"]["template"]["spec"]["containers"][0]["ports"][0];
    assert_eq!(*port, json!({ "containerPort": 8080, "protocol": "TCP" }));
    assert!(deployment(&program(patches)).is_err());
}

#[test]
fn the_patches_of_the_reference_can_be_applied() {
    let path = erpc_tests::repository().join("docs/language.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let blocks = text.split("```text\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split_once("```").map(|(block, _)| block));
    let patches: Vec<&str> = blocks.filter(|block| block.starts_with("patch ")).collect();
    assert_eq!(patches.len(), 2);
    let yaml = "spec: { minReadySeconds: 5 }\n";
    for patch in patches {
        let program = program(patch).with("patches/web.yaml", yaml);
        assert!(deployment(&program).is_ok(), "{patch}");
    }
}
