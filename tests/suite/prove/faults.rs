//! Faults seeded into what is derived: each makes a build fail, wherever in ERP/1 it is made.

use erpc_cli::proof;
use erpc_model::kubernetes::NAME_LABEL;
use erpc_model::units::Protocol;
use erpc_model::{Platform, ServiceId};
use erpc_policy::{Derived, PodSelector, PolicyPeer, PolicyPort, Selected, WorkloadPolicy};
use erpc_tests::{compile_folder, repository};
use smol_str::SmolStr;

/// Makes a fault in a policy; `false` where it has nothing of the kind.
type Fault = fn(&Platform, &mut WorkloadPolicy) -> bool;

const FAULTS: &[(&str, Fault)] = &[
    ("a wildcard too wide", |_, policy| widen(policy, true)),
    ("a peer without its labels", |_, policy| {
        widen(policy, false)
    }),
    ("the egress side forgotten", |_, policy| {
        !std::mem::take(&mut policy.egress).is_empty()
    }),
    ("the ingress side forgotten", |_, policy| {
        !std::mem::take(&mut policy.ingress).is_empty()
    }),
    ("DNS forgotten", |_, policy| {
        let rules = policy.egress.len();
        policy
            .egress
            .retain(|rule| rule.ports.iter().all(|port| port.port != 53));
        policy.egress.len() < rules
    }),
    ("the Service's port for the container's", service_port),
    ("a port mistaken", |_, policy| {
        each_port(policy, |port| {
            port.port += 1;
            port.last += 1;
        })
    }),
    ("a range too long", |_, policy| {
        each_port(policy, |port| port.last += 1)
    }),
    ("a protocol mistaken", |_, policy| {
        each_port(policy, |port| port.protocol = Protocol::Sctp)
    }),
    ("another service", |_, policy| {
        each_peer(policy, |selected| match &mut selected.pods {
            PodSelector::Services(names) => names[0] = "nobody".into(),
            PodSelector::OfService(_, labels)
            | PodSelector::Raw(_, labels)
            | PodSelector::Labels(labels) => {
                labels[0].1 = "nobody".into();
            }
        })
    }),
    ("another namespace", |_, policy| {
        each_peer(policy, |selected| selected.namespace = "default".into())
    }),
    ("ports of two edges in one rule", |_, policy| {
        let rules = &mut policy.ingress;
        if rules.len() < 2 {
            return false;
        }
        let ports = rules[1].ports.clone();
        rules[0].ports.extend(ports);
        true
    }),
    ("the world without its exceptions", |_, policy| {
        let ingress = policy.ingress.iter_mut().flat_map(|rule| &mut rule.from);
        let egress = policy.egress.iter_mut().flat_map(|rule| &mut rule.to);
        let mut is_changed = false;
        for peer in ingress.chain(egress) {
            if let PolicyPeer::Block(_, except) = peer {
                is_changed |= !std::mem::take(except).is_empty();
            }
        }
        is_changed
    }),
    (
        "a flow between replicas that nobody declared",
        |platform, policy| {
            let service = &platform[policy.service];
            let Some(port) = service.ports.first().map(PolicyPort::of) else {
                return false;
            };
            let itself = PolicyPeer::Pods(Selected {
                namespace: platform[service.namespace].name.value.clone(),
                pods: PodSelector::Services(vec![service.name.value.clone()]),
            });
            policy.ingress.push(erpc_policy::IngressRule {
                from: vec![itself.clone()],
                ports: vec![port],
            });
            policy.egress.push(erpc_policy::EgressRule {
                to: vec![itself],
                ports: vec![port],
            });
            true
        },
    ),
    ("the policy of another service", |platform, policy| {
        let other = (policy.service.0 + 1) % u32::try_from(platform.services.len()).expect("few");
        policy.service = ServiceId(other);
        true
    }),
];

fn widen(policy: &mut WorkloadPolicy, to_the_platform: bool) -> bool {
    each_peer(policy, |selected| {
        selected.pods = PodSelector::Labels(if to_the_platform {
            vec![("app.kubernetes.io/part-of".into(), "erp-uno".into())]
        } else {
            Vec::new()
        });
    })
}

/// Changes the first peer of pods in each direction.
fn each_peer(policy: &mut WorkloadPolicy, change: impl Fn(&mut Selected)) -> bool {
    let ingress = policy.ingress.iter_mut().flat_map(|rule| &mut rule.from);
    let egress = policy.egress.iter_mut().flat_map(|rule| &mut rule.to);
    let mut is_changed = false;
    for peer in ingress.chain(egress) {
        if let PolicyPeer::Pods(selected) = peer {
            change(selected);
            is_changed = true;
        }
    }
    is_changed
}

fn each_port(policy: &mut WorkloadPolicy, change: impl Fn(&mut PolicyPort)) -> bool {
    let ports = policy.ingress.iter_mut().map(|rule| &mut rule.ports);
    let ports = ports.chain(policy.egress.iter_mut().map(|rule| &mut rule.ports));
    let mut is_changed = false;
    for port in ports.flatten() {
        change(port);
        is_changed = true;
    }
    is_changed
}

fn service_port(platform: &Platform, policy: &mut WorkloadPolicy) -> bool {
    let ports = &platform[policy.service].ports;
    let mut is_changed = false;
    for rule in &mut policy.ingress {
        for port in &mut rule.ports {
            let of_service = ports.iter().find(|one| one.container == port.port);
            if let Some(one) = of_service
                && one.number.value != port.port
            {
                *port = PolicyPort::single(one.protocol, one.number.value);
                is_changed = true;
            }
        }
    }
    is_changed
}

#[test]
fn every_fault_of_the_deriver_stops_the_build() {
    let compiled = compile_folder(&repository());
    let (platform, derived) = compiled.result.as_ref().expect("ERP/1 compiles");
    let build = |derived: &Derived| {
        let files = erpc_emit::files(platform, derived, &compiled.sources);
        proof::check(platform, &files)
    };
    assert!(build(derived).is_empty());
    assert_eq!(NAME_LABEL, SmolStr::new_static("app.kubernetes.io/name"));
    println!("{:>48} {:>8} {:>8}", "fault", "seeded", "caught");
    for (name, fault) in FAULTS {
        let (mut seeded, mut caught) = (0, 0);
        for at in 0..derived.policies.len() {
            let mut faulty = derived.clone();
            if !fault(platform, &mut faulty.policies[at]) {
                continue;
            }
            if *name == "the policy of another service" {
                let of_other = faulty.policies[at].service.index();
                faulty.policies.swap(at, of_other);
            }
            seeded += 1;
            caught += usize::from(build(&faulty).has_errors());
        }
        println!("{name:>48} {seeded:>8} {caught:>8}");
        assert!(seeded > 0, "{name}");
        assert_eq!(seeded, caught, "{name}");
    }
    assert!(FAULTS.len() >= 10);
}

#[test]
fn a_pod_on_the_network_of_its_node_stops_the_build() {
    let source = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers logic
cluster main { dns kube-dns }
namespace shop {
  tier logic
  service web {
    image \"docker.io/shop/web:1.0\"
    cpu 100m..200m
    memory 64Mi..128Mi
    port http 8080
    access by port-forward
    patch deployment { spec.template.spec.hostNetwork = true }
  }
}
";
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("platform.erp"), source).expect("written");
    let ran = erpc_tests::erpc(&["build".as_ref(), folder.path().as_os_str()]);
    assert_eq!(ran.exit, erpc_cli::Exit::Failed);
    assert!(ran.err.contains("error[E0413]"), "{}", ran.err);
    assert!(!folder.path().join("lib").exists());

    // The same in the output, past every check of the source.
    let plain = source.replace(
        "    patch deployment { spec.template.spec.hostNetwork = true }\n",
        "",
    );
    std::fs::write(folder.path().join("platform.erp"), plain).expect("written");
    let compiled = erpc_tests::compile_folder(folder.path());
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics);
    };
    let mut files = erpc_emit::files(platform, derived, &compiled.sources);
    for file in &mut files {
        let pod = "      enableServiceLinks: false\n";
        file.text = file
            .text
            .replace(pod, &format!("{pod}      hostNetwork: true\n"));
    }
    let found = erpc_cli::proof::check(platform, &files);
    assert!(
        found
            .as_slice()
            .iter()
            .any(|finding| finding.code.id == "E0603"
                && finding
                    .message
                    .starts_with("shop.web is on the network of its node")),
        "{found:?}"
    );
}
