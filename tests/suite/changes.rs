//! `erpc diff`: what changes in who may talk to whom, between two folders and between revisions.

use std::path::Path;
use std::process::Command;

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc, repository};
use tempfile::TempDir;

/// The shop of the examples in a folder of its own.
fn shop() -> (TempDir, String) {
    let source = std::fs::read_to_string(repository().join("examples/shop/platform.erp"));
    let source = source.expect("the shop");
    let folder = TempDir::new().expect("a temporary folder");
    write(folder.path(), &source);
    (folder, source)
}

fn write(folder: &Path, source: &str) {
    std::fs::write(folder.join("platform.erp"), source).expect("written");
}

fn diff(old: &str, folder: &Path, more: &[&str]) -> Ran {
    let folder = folder.to_str().expect("a path");
    erpc(&[&["diff", old, folder], more].concat())
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org"])
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{output:?}");
}

const BOLD: &str = "    calls    orders:http\n    calls    shop-data.orders-db:db\n";

#[test]
fn a_new_flow_is_opened_and_a_removed_one_closed() {
    let (before, source) = shop();
    let (after, _) = shop();
    write(
        after.path(),
        &source.replace("    calls    orders:http\n", BOLD),
    );
    let old = before.path().to_str().expect("a path");
    let ran = diff(old, after.path(), &[]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(
        ran.out,
        "+ shop-edge.storefront → shop-data.orders-db on 5432/tcp
    platform.erp:64: calls shop-data.orders-db:db
1 opened, 0 closed, 0 services with a larger reach
"
    );
    let new = after.path().to_str().expect("a path");
    let ran = diff(new, before.path(), &[]);
    assert!(
        ran.out
            .starts_with("- shop-edge.storefront → shop-data.orders-db on 5432/tcp"),
        "{}",
        ran.out
    );
}

#[test]
fn a_larger_reach_is_counted_in_services() {
    let (before, source) = shop();
    let (after, _) = shop();
    let old = before.path().to_str().expect("a path");
    let apart = source.replace(
        "    calls      shop-data.orders-db:db because \"every order is a row\"\n",
        "",
    );
    write(before.path(), &apart);
    write(after.path(), &source);
    let ran = diff(old, after.path(), &["--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let storefront = said["grown"].as_array().expect("a list").iter();
    let storefront: Vec<_> = storefront
        .filter(|g| g["service"] == "shop-edge.storefront")
        .collect();
    assert_eq!(storefront.len(), 1, "{said}");
    assert_eq!(storefront[0]["before"], 1);
    assert_eq!(storefront[0]["after"], 2);
    assert_eq!(storefront[0]["new"][0], "shop-data.orders-db");
}

#[test]
fn another_way_to_write_the_same_is_no_change() {
    let (before, source) = shop();
    let (after, _) = shop();
    let other = source.replace("    calls    orders:http\n", "")
        + "\nallow shop-edge.* -> shop-logic.orders:http\n";
    write(after.path(), &other);
    let old = before.path().to_str().expect("a path");
    let ran = diff(old, after.path(), &["--forbid-open"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(ran.out, "nothing opens and nothing closes\n");
}

#[test]
fn a_rename_that_is_told_is_no_change() {
    let (before, source) = shop();
    let (after, _) = shop();
    let renamed = source
        .replace("service storefront", "service front")
        .replace("shop-edge.storefront", "shop-edge.front")
        + "\nmoved shop-edge.storefront to shop-edge.front\n";
    write(after.path(), &renamed);
    let old = before.path().to_str().expect("a path");
    let ran = diff(old, after.path(), &["--forbid-open"]);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.out,
        "> shop-edge.storefront is shop-edge.front now\nnothing opens and nothing closes\n"
    );
}

#[test]
fn a_revision_is_compared_with_what_is_there_now() {
    let (folder, source) = shop();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "A shop"]);
    write(
        folder.path(),
        &source.replace("    calls    orders:http\n", BOLD),
    );
    let ran = diff("HEAD", folder.path(), &["--format", "markdown"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(
        ran.out.contains(
            "| shop-edge.storefront | shop-data.orders-db | 5432/tcp | platform.erp:64 |"
        ),
        "{}",
        ran.out
    );
    let ran = diff("HEAD", folder.path(), &["--forbid-open"]);
    assert_eq!(ran.exit, Exit::Differs);
    assert!(
        ran.err.contains("1 pair opened that --forbid-open guards"),
        "{}",
        ran.err
    );
    let ran = diff("HEAD", folder.path(), &["--forbid-open", "shop-data.*"]);
    assert_eq!(ran.exit, Exit::Differs);
    let ran = diff("HEAD", folder.path(), &["--forbid-open", "shop-logic.*"]);
    assert_eq!(ran.exit, Exit::Done);
    let ran = diff("no-such-revision", folder.path(), &[]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err
            .contains("`no-such-revision` is no folder and no revision of Git"),
        "{}",
        ran.err
    );
}

#[test]
fn a_version_with_errors_is_not_compared() {
    let (before, source) = shop();
    let (after, _) = shop();
    write(before.path(), &source.replace("orders:http", "orders:htp"));
    let old = before.path().to_str().expect("a path");
    let ran = diff(old, after.path(), &[]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("error[E0402]"), "{}", ran.err);
    assert!(
        ran.err.contains("has errors, so it cannot be compared"),
        "{}",
        ran.err
    );
    let ran = diff("HEAD", after.path(), &[]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("is in no repository of Git"),
        "{}",
        ran.err
    );
}
