//! Facts of clusters that differ from provider to provider, and platforms that share files.

use std::path::Path;

use erpc_cli::Exit;
use erpc_tests::{Memory, Ran, erpc};
use tempfile::TempDir;

const CLUSTER: &str = "\
cluster main {
  kubernetes 1.31
  nodes      1 of cpu 4, memory 8Gi, in 172.18.0.0/16
  pods       10.244.0.0/16
  services   10.96.0.0/16
  cni        calico
  dns        by pods dns-system \"app=coredns\", \"role=dns\" port 1053
}
";

const SERVICES: &str = "\
namespace shop {
  service web {
    image \"shop/web:1.0\"
    port  http 8080
    access by port-forward
    calls api:http
    cpu 100m..200m
    memory 64Mi..128Mi
  }
  service api {
    image \"shop/api:1.0\"
    port  http 8080
    cpu 100m..200m
    memory 64Mi..128Mi
  }
}
";

fn run(arguments: &[&str], folder: &Path) -> Ran {
    let mut all: Vec<&std::ffi::OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    all.push(folder.as_os_str());
    erpc(&all)
}

#[test]
fn names_are_asked_of_the_pods_that_the_cluster_says() {
    let text = format!(
        "erp 1\n\nplatform shop {{ version \"1.0\"; cluster main }}\n\n{CLUSTER}\n{SERVICES}"
    );
    let compiled = Memory::of(text).compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("it has no errors");
    };
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    let policy = files
        .iter()
        .find(|file| file.path == "lib/shop/web/networkpolicy.yaml");
    let policy = &policy.expect("the policy of a caller").text;
    for part in [
        "kubernetes.io/metadata.name: dns-system",
        "app: coredns",
        "role: dns",
        "port: 1053",
    ] {
        assert!(policy.contains(part), "{part}\n{policy}");
    }
    assert!(!policy.contains("kube-system"), "{policy}");
    // The proof reads the cluster block by itself.
    let found = erpc_cli::proof::check(platform, &files);
    assert!(!found.has_errors(), "{found:?}");
}

#[test]
fn platforms_share_the_files_of_the_folder_above() {
    let folder = TempDir::new().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("shared/cluster.erp", CLUSTER);
    write(
        "shared/account.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\n",
    );
    let platform = |name: &str, root: &str| {
        format!(
            "erp 1\n\n{root}use \"../shared/cluster.erp\"\n\nplatform {name} {{ version \"1.0\"; cluster main }}\n\nmanifests \"../shared/*.yaml\" in shop\n\n{SERVICES}"
        )
    };
    for name in ["one", "two"] {
        write(
            &format!("{name}/platform.erp"),
            &platform(name, "root \"..\"\n"),
        );
        let built = run(&["build"], &folder.path().join(name));
        assert_eq!(built.exit, Exit::Done, "{}{}", built.out, built.err);
        let account = folder
            .path()
            .join(name)
            .join("lib/shop/manifest-shared-account.yaml");
        let account = std::fs::read_to_string(account).expect("the account");
        assert!(
            account.contains(&format!("app.kubernetes.io/part-of: {name}")),
            "{account}"
        );
    }
    write("three/platform.erp", &platform("three", ""));
    let checked = run(&["check"], &folder.path().join("three"));
    assert_eq!(checked.exit, Exit::Failed);
    assert!(
        checked
            .err
            .contains("`../shared/cluster.erp` is outside the folder of the program")
    );
    assert!(checked.err.contains("root \"..\""), "{}", checked.err);
}

#[test]
fn a_program_reads_no_further_above_than_its_root() {
    let folder = TempDir::new().expect("a folder");
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).expect("folders");
    std::fs::write(folder.path().join("cluster.erp"), CLUSTER).expect("a file");
    let text = |root: &str| {
        format!(
            "erp 1\n\nroot \"{root}\"\nuse \"../../cluster.erp\"\n\nplatform shop {{ version \"1.0\"; cluster main }}\n\n{SERVICES}"
        )
    };
    for (root, exit) in [
        ("..", Exit::Failed),
        ("../..", Exit::Done),
        ("shared", Exit::Failed),
    ] {
        std::fs::write(inner.join("platform.erp"), text(root)).expect("a file");
        let checked = run(&["check"], &inner);
        assert_eq!(checked.exit, exit, "{root}\n{}", checked.out);
    }
    #[cfg(unix)]
    {
        // A symbolic link does not lead further either.
        let outside = TempDir::new().expect("another folder");
        std::fs::write(outside.path().join("cluster.erp"), CLUSTER).expect("a file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(outside.path(), link).expect("a link");
        let text = text("../..").replace("../../cluster.erp", "../../link/cluster.erp");
        std::fs::write(inner.join("platform.erp"), text).expect("a file");
        let checked = run(&["check"], &inner);
        assert_eq!(checked.exit, Exit::Failed, "{}", checked.out);
        assert!(
            checked.err.contains("a symbolic link leads out"),
            "{}",
            checked.err
        );
    }
}
