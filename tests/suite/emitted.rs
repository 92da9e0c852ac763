//! Where emitted lines came from: every line of every committed file has an answer, and a table
//! that was read off the sources by hand holds for those of ERP/1.

use std::path::{Path, PathBuf};

use erpc_cli::Exit;
use erpc_emit::{EmittedLine, Scope, emitted_lines};
use erpc_model::Via;
use erpc_tests::{compile_folder, erpc, examples, files_below, folders_below, repository};

fn platforms() -> Vec<PathBuf> {
    let mut folders = vec![repository()];
    folders.extend(examples());
    folders.extend(folders_below("tests/platforms"));
    folders
}

/// Each line of the committed output, as a fresh build has it, follows from something: a field
/// from its own facts, and a fact stands on a line or is one that the compiler always writes.
#[test]
fn every_line_of_every_committed_file_has_its_source() {
    let mut lines = 0;
    for folder in platforms() {
        let compiled = compile_folder(&folder);
        let (platform, derived) = compiled.result.as_ref().expect("a platform without errors");
        for part in ["lib", "share"] {
            for (name, bytes) in files_below(&folder.join(part)) {
                let path = format!("{part}/{name}");
                let text = String::from_utf8(bytes).expect("UTF-8");
                let found = emitted_lines(platform, derived, &compiled.sources, &path);
                let found = found.unwrap_or_else(|| panic!("{path} has no source"));
                let made: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
                assert_eq!(made, text.lines().collect::<Vec<_>>(), "{path}");
                for line in &found {
                    hold(&folder, &path, line);
                    lines += 1;
                }
            }
        }
    }
    assert!(lines > 12_000, "{lines} lines");
}

fn hold(folder: &Path, path: &str, line: &EmittedLine) {
    let place = format!("{}/{path}:{} {}", folder.display(), line.number, line.text);
    assert!(!line.causes.is_empty(), "{place}");
    let is_around = line.text.starts_with('#') || line.text == "---";
    if is_around && line.of_text == 0 {
        assert_eq!(line.scope, Scope::File, "{place}");
    } else {
        let opens_block = line.text.ends_with(':') && line.of_text == 0;
        assert!(
            opens_block || line.scope == Scope::Field,
            "{place}: {:?}",
            line.scope
        );
        assert!(!line.field.is_empty() && line.object.is_some(), "{place}");
    }
    for cause in &line.causes {
        let is_of_compiler = cause.origin.via == Via::Default;
        assert_eq!(
            cause.origin.span.is_none(),
            is_of_compiler,
            "{place}: {}",
            cause.why
        );
    }
}

/// A file, a field or a part of a line of it, and the lines of the source that it follows from,
/// read off the sources of ERP/1 by hand.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].image",
        &["image  image", "registry   \"docker.io\""],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].ports[0].containerPort",
        &["port       http 8502"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].ports[1].containerPort",
        &["port   metrics 9568"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].resources.limits.memory",
        &["memory 256Mi..512Mi"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].resources.requests.cpu",
        &["cpu    100m..500m"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].env[0].value",
        &["env    ERL_AFLAGS = \"+S 1 +SDcpu 1 +SDio 1 -sbt db +A 16 -env ERL_MAX_PORTS 262144\""],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].readinessProbe.failureThreshold",
        &[
            "health http \"/health\" { ready after 5s every 5s fails 2; live after 10s every 10s fails 3 }",
        ],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].readinessProbe.timeoutSeconds",
        &["compiler"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem",
        &["compiler"],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "metadata.annotations[\"kubernetes.io/description\"]",
        &["title      \"Медичний HL7 FHIR API\""],
    ),
    (
        "lib/erp-apps/hl7-health/deployment.yaml",
        "metadata.labels[\"app.kubernetes.io/component\"]",
        &["tier  application"],
    ),
    (
        "lib/erp-apps/hl7-health/hpa.yaml",
        "spec.maxReplicas",
        &["scale      2..6 on cpu 75%, memory 80%"],
    ),
    (
        "lib/erp-apps/hl7-health/pdb.yaml",
        "spec.minAvailable",
        &["disruption min 1"],
    ),
    (
        "lib/erp-apps/hl7-health/ingress.yaml",
        "spec.rules[1].host",
        &["expose     http at \"erp.uno/health\", \"hl7.erp.uno\" tls erp-uno-tls"],
    ),
    (
        "lib/erp-apps/hl7-health/ingress.yaml",
        "spec.ingressClassName",
        &["ingress    traefik by erp-infra.traefik-ingress:web, websecure"],
    ),
    (
        "lib/erp-apps/hl7-health/networkpolicy.yaml",
        "spec.egress[0].ports[0].port",
        &[
            "allow erp-apps.* -> erp-ai.ai-generation:http optional because \"content generation; degradation does not block work\"",
            "port   http 8601",
        ],
    ),
    (
        "lib/erp-apps/hl7-health/networkpolicy.yaml",
        "spec.egress[3].to[0].podSelector.matchLabels[\"app.kubernetes.io/name\"]",
        &["allow erp-apps.* -> erp-services.kvs-database:kvs because \"state of every module\""],
    ),
    (
        "lib/erp-apps/hl7-health/networkpolicy.yaml",
        "spec.egress[5].ports[1].port",
        &[
            "allow erp-apps.* -> erp-ai.ai-generation:http optional because \"content generation; degradation does not block work\"",
            "dns        kube-dns",
        ],
    ),
    (
        "lib/erp-apps/hl7-health/networkpolicy.yaml",
        "spec.ingress[0].ports[0].port",
        &[
            "expose     http at \"erp.uno/health\", \"hl7.erp.uno\" tls erp-uno-tls",
            "port       http 8502",
        ],
    ),
    (
        "lib/erp-apps/hl7-health/networkpolicy.yaml",
        "spec.ingress[1].from[0].namespaceSelector.matchLabels[\"kubernetes.io/metadata.name\"]",
        &["allow erp-telemetry.prometheus -> *.*:metrics observes because \"scrape\""],
    ),
    (
        "lib/erp-apps/hl7-health/service.yaml",
        "spec.ports[0].targetPort",
        &["port       http 8502"],
    ),
    (
        "lib/erp-infra/ns-dns/deployment.yaml",
        "spec.template.spec.containers[0].command[0]",
        &["command \"bin/ns\""],
    ),
    (
        "lib/erp-infra/ns-dns/deployment.yaml",
        "spec.template.spec.containers[0].livenessProbe.tcpSocket.port",
        &["health  tcp on dns-tcp", "port    dns-tcp 53"],
    ),
    (
        "lib/erp-infra/ns-dns/deployment.yaml",
        "spec.template.spec.containers[0].livenessProbe.periodSeconds",
        &[
            "health http \"/health\" { ready after 5s every 5s fails 2; live after 10s every 10s fails 3 }",
        ],
    ),
    (
        "lib/erp-infra/ns-dns/configmap.yaml",
        "data[\"erp.zone.json\"]",
        &[
            "config  ns-dns-zone { \"erp.zone.json\" = template(\"config/dns/erp.zone.json\") } at \"/app/zones\"",
        ],
    ),
    (
        "lib/erp-infra/docker-registry/statefulset.yaml",
        "spec.volumeClaimTemplates[0].spec.resources.requests.storage",
        &["volume data size at \"/var/lib/registry\""],
    ),
    (
        "lib/erp-infra/docker-registry/statefulset.yaml",
        "spec.volumeClaimTemplates[0].spec.storageClassName",
        &[
            "storage    local-path default create provisioner \"rancher.io/local-path\" wait reclaim retain",
        ],
    ),
    (
        "lib/erp-infra/docker-registry/statefulset.yaml",
        "kind",
        &["volume data size at \"/var/lib/registry\""],
    ),
    (
        "lib/erp-infra/traefik-ingress/service.yaml",
        "spec.ports[1].nodePort",
        &["expose websecure as nodeport 30443"],
    ),
    (
        "lib/erp-infra/traefik-ingress/account.yaml",
        "rules[1].resources[0]",
        &[
            "grants list, watch on endpointslices.discovery.k8s.io in cluster because \"the pods behind each route\"",
        ],
    ),
    (
        "lib/erp-services/kvs-database/service.yaml",
        "spec.publishNotReadyAddresses",
        &[
            "calls  kvs-database:epmd optional because \"peer discovery between replicas\"",
            "calls  kvs-database:dist optional because \"replication between replicas\"",
        ],
    ),
    (
        "lib/erp-services/mail-delivery/networkpolicy.yaml",
        "spec.egress[2].to[0].ipBlock.except[0]",
        &["compiler"],
    ),
    (
        "share/namespaces.yaml",
        "metadata.annotations[\"kubernetes.io/description\"]",
        &["title \"Штучний інтелект\""],
    ),
    (
        "share/rbac.yaml",
        "rules[0].verbs[0]",
        &[
            "grants get, list, watch on pods, endpoints, configmaps because \"operators look, and cannot read secrets\"",
        ],
    ),
    (
        "share/storage-class.yaml",
        "provisioner",
        &[
            "storage    local-path default create provisioner \"rancher.io/local-path\" wait reclaim retain",
        ],
    ),
];

#[test]
fn the_sources_of_chosen_lines_are_those_read_off_by_hand() {
    let compiled = compile_folder(&repository());
    let (platform, derived) = compiled.result.as_ref().expect("a platform without errors");
    let sources = &compiled.sources;
    let source_line = |span: erpc_diagnostics::Span| match sources.get(span.file) {
        Some(source) => {
            let line = source.line_column(span.start).line;
            source.text.lines().nth(line - 1).unwrap_or_default().trim()
        }
        None => "compiler",
    };
    for (path, field, expected) in CASES {
        let lines = emitted_lines(platform, derived, sources, path);
        let lines = lines.unwrap_or_else(|| panic!("{path} has no source"));
        let line = lines
            .iter()
            .find(|line| line.field == *field && line.of_text == 0);
        let line = line.unwrap_or_else(|| panic!("{path} has no {field}"));
        let mut found: Vec<&str> = line
            .causes
            .iter()
            .map(|c| source_line(c.origin.span))
            .collect();
        found.dedup();
        assert_eq!(found, *expected, "{path} {field}");
    }
}

/// What a patch sets follows from the patch, whatever the property beside it says.
#[test]
fn a_patched_field_follows_from_its_patch() {
    let folder = repository().join("tests/platforms/everything");
    let compiled = compile_folder(&folder);
    let (platform, derived) = compiled.result.as_ref().expect("a platform without errors");
    let lines = emitted_lines(
        platform,
        derived,
        &compiled.sources,
        "lib/n/s/deployment.yaml",
    );
    let lines = lines.expect("the file");
    for (field, value) in [
        ("spec.minReadySeconds", "spec.minReadySeconds = 5"),
        (
            "spec.template.spec.priorityClassName",
            "spec.template.spec.priorityClassName = \"high\"",
        ),
    ] {
        let line = lines.iter().find(|line| line.field == field).expect(field);
        assert_eq!(line.causes.len(), 1);
        let said = compiled.sources.text(line.causes[0].origin.span);
        assert!(value.contains(said) && !said.is_empty(), "{field}: {said}");
    }
}

#[test]
fn show_emitted_answers_for_a_line_and_for_a_file() {
    let root = repository();
    let file = root.join("lib/erp-apps/hl7-health/hpa.yaml");
    let text = std::fs::read_to_string(&file).expect("a committed file");
    let at = text
        .lines()
        .position(|line| line.trim() == "maxReplicas: 6")
        .expect("the field");
    let place = format!("{}:{}", file.display(), at + 1);
    let one = erpc(&["show", "--emitted", &place]);
    assert_eq!(one.exit, Exit::Done, "{}", one.err);
    assert!(
        one.out
            .contains("HorizontalPodAutoscaler erp-apps/hl7-health: spec.maxReplicas")
    );
    assert!(
        one.out
            .contains("| scale      2..6 on cpu 75%, memory 80%\n"),
        "{}",
        one.out
    );

    let all = erpc(&["show", "--emitted", &file.to_string_lossy()]);
    assert_eq!(all.out.lines().count(), text.lines().count());
    let json = erpc(&["show", "--emitted", &place, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["lines"][0]["scope"], "field");
    assert_eq!(
        json["lines"][0]["causes"][0]["origin"]["file"],
        "platform.erp"
    );

    let root = root.to_string_lossy();
    for (place, wanted) in [
        (
            "lib/erp-apps/hl7-helth/hpa.yaml:3",
            "did you mean `lib/erp-apps/hl7-health/hpa.yaml`?",
        ),
        (
            "lib/erp-apps/hl7-health/hpa.yaml:300",
            "so there is no line 300",
        ),
    ] {
        let ran = erpc(&["show", &root, "--emitted", place]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Usage, ""), "{place}");
        assert!(ran.err.contains(wanted), "{}", ran.err);
    }
}
