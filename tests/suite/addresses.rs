//! `host` and `address` in texts: what they say, and that they follow a service that is renamed and a port
//! that moves, wherever a client reads them.

use erpc_model::{EnvValue, Platform};
use erpc_tests::Memory;

/// A client of a queue with this name and this number of its port, in every text that may name it.
fn program(queue: &str, port: u16) -> Memory {
    let text = format!(
        "erp 1
platform shop {{ version \"1.0\"; cluster main }}
tiers data < logic
cluster main {{ kubernetes 1.36; dns kube-dns; cni kindnet }}
component Client() {{
  image  \"shop/${{service.name}}:1.0\"
  cpu    100m
  memory 64Mi
  env    HOST = host({queue})
  calls  {queue}:client
}}
namespace data {{
  tier data
  service {queue} {{ image \"shop/queue:1.0\"; cpu 100m; memory 64Mi; port client {port} -> 4222 }}
}}
namespace logic {{
  tier logic
  service web is Client {{
    env     URL = \"nats://${{address({queue}:client)}},nats://${{address(data.{queue}:client)}}\"
    command \"run\"
    args    \"--queue\", address({queue}:client)
    config  settings {{ \"app.ini\" = template(\"app.ini\") }} at \"/etc/app\"
    sidecar proxy {{ image \"shop/proxy:1.0\"; cpu 10m; memory 16Mi; env TO = address({queue}:client) }}
    access  by port-forward
  }}
}}
"
    );
    Memory::of(text).with("app.ini", format!("queue = ${{address({queue}:client)}}\n"))
}

fn platform(program: &Memory) -> Platform {
    let compiled = program.compile();
    let found = compiled.diagnostics.as_slice();
    assert_eq!(found, [], "{found:?}");
    compiled.result.expect("a platform").0
}

/// The texts of the client in which the address stands.
fn texts(platform: &Platform) -> Vec<String> {
    let (_, web) = platform
        .services()
        .find(|(_, service)| service.name.value == "web")
        .expect("the client");
    let mut texts = Vec::new();
    for container in web.containers() {
        for variable in &container.env {
            if let EnvValue::Text(text) = &variable.value.value {
                texts.push(format!("{} {text}", variable.name));
            }
        }
        texts.extend(container.args.iter().flat_map(|args| args.value.clone()));
    }
    let files = web.configs.iter().flat_map(|config| &config.files);
    texts.extend(files.map(|(_, text)| text.value.clone()));
    texts
}

#[test]
fn addresses_follow_a_renamed_service_and_a_moved_port() {
    for (queue, port) in [("queue", 4222), ("broker", 5222)] {
        let host = format!("{queue}.data.svc");
        let at = format!("{host}:{port}");
        assert_eq!(
            texts(&platform(&program(queue, port))),
            [
                format!("TO {at}"),
                format!("HOST {host}"),
                format!("URL nats://{at},nats://{at}"),
                "--queue".to_owned(),
                at.clone(),
                format!("queue = {at}\n"),
            ]
        );
    }
}

/// What a text names is known of the service, each call once.
#[test]
fn the_addresses_of_a_service_are_known() {
    let platform = platform(&program("queue", 4222));
    let (_, web) = platform
        .services()
        .find(|(_, service)| service.name.value == "web")
        .expect("the client");
    let ports: Vec<Option<&str>> = web
        .addresses
        .iter()
        .map(|used| used.port.as_deref())
        .collect();
    assert_eq!(ports.len(), 6, "{ports:?}");
    assert_eq!(ports.iter().filter(|port| port.is_none()).count(), 1);
    let name = |id| platform.path(id);
    assert!(
        web.addresses
            .iter()
            .all(|used| name(used.to) == "data.queue")
    );
}
