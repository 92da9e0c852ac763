//! Input that no program should choke on: each gets a coded error or a plain message that names
//! the path, exit code 1, no panic and no output.

use std::fs;
use std::path::Path;

use erpc_cli::Exit;
use erpc_tests::{Memory, Ran, erpc, files_below, repository};
use tempfile::TempDir;

/// Runs `build` on a root file of these bytes; nothing may be written.
fn build_of(bytes: &[u8]) -> Ran {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path().join("platform.erp");
    fs::write(&root, bytes).expect("a file in it");
    let ran = erpc(&["build".as_ref(), root.as_os_str()]);
    assert_eq!(
        files_below(folder.path()).len(),
        1,
        "nothing is written beside the source"
    );
    ran
}

fn fails_with(bytes: &[u8], expected: &str) {
    let ran = build_of(bytes);
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.err);
    assert!(ran.err.contains(expected), "{expected}: {}", ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
}

#[test]
fn not_utf8() {
    fails_with(b"erp 1\nplatform \xff\xfe {}\n", "E0001");
}

#[test]
fn an_empty_file() {
    fails_with(b"", "E0109");
    fails_with(b"\n\n# only a comment\n", "E0109");
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read() {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path().join("platform.erp");
    let file = fs::File::create(&root).expect("a file");
    file.set_len(1 << 34).expect("a sparse file");
    let ran = erpc(&["check".as_ref(), root.as_os_str()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("E0002"), "{}", ran.err);
}

#[test]
fn ten_thousand_nested_brackets() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}")] {
        let text = format!(
            "erp 1\nlet x = {}{}\n",
            open.repeat(10_000),
            close.repeat(10_000)
        );
        fails_with(text.as_bytes(), "E0004");
        let unclosed = format!("erp 1\nlet x = {}\n", open.repeat(10_000));
        fails_with(unclosed.as_bytes(), "E0004");
        let stray = format!("erp 1\n{}\n", close.repeat(10_000));
        assert_eq!(build_of(stray.as_bytes()).exit, Exit::Failed);
    }
    let conditions = format!("erp 1\nlet x = {}1\n", "if true then ".repeat(10_000));
    assert_eq!(build_of(conditions.as_bytes()).exit, Exit::Failed);
    let nots = format!("erp 1\nlet x = {}true\n", "not ".repeat(10_000));
    assert_eq!(build_of(nots.as_bytes()).exit, Exit::Failed);
    let texts = format!(
        "erp 1\nlet x = {}{}\n",
        "\"${".repeat(5_000),
        "}\"".repeat(5_000)
    );
    assert_eq!(build_of(texts.as_bytes()).exit, Exit::Failed);
}

#[test]
fn a_name_of_three_hundred_characters() {
    fails_with(
        format!("erp 1\nplatform {} {{ }}\n", "a".repeat(300)).as_bytes(),
        "E0105",
    );
}

#[test]
fn null_bytes() {
    fails_with(b"erp 1\n\0\0platform x { }\n", "E0005");
}

#[test]
fn a_missing_file_and_a_missing_folder() {
    for path in ["/no/such/folder", "/no/such/platform.erp"] {
        let ran = erpc(&["check", path]);
        assert_eq!(ran.exit, Exit::Failed);
        assert!(ran.err.contains(path), "{}", ran.err);
    }
    let folder = TempDir::new().expect("a temporary folder");
    let ran = erpc(&["check".as_ref(), folder.path().as_os_str()]);
    assert!(ran.err.contains("there is no platform.erp"), "{}", ran.err);
}

#[test]
fn a_root_file_that_is_a_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    fs::create_dir(folder.path().join("platform.erp")).expect("a folder");
    let ran = erpc(&["check".as_ref(), folder.path().as_os_str()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("E0003"), "{}", ran.err);
}

#[test]
fn a_file_that_uses_itself() {
    fails_with(b"erp 1\nuse \"platform.erp\"\n", "E0014");
}

#[test]
fn a_path_out_of_the_folder() {
    fails_with(b"erp 1\nuse \"../other.erp\"\n", "E0015");
}

#[test]
fn a_component_that_instantiates_itself() {
    fails_with(
        b"erp 1\nplatform p { version \"1\"; cluster c }\ncluster c { }\ntiers t\ncomponent A() is A { }\nnamespace n { tier t; service s is A { } }\n",
        "E0112",
    );
}

#[test]
fn a_number_that_overflows() {
    for number in [
        "99999999999999999999",
        "9999999999999999Ti",
        "99999999999999999d",
    ] {
        let text = format!(
            "erp 1\nplatform p {{ version \"1\"; cluster c }}\nlet x: Memory = {number}\nlet y: Int = {number}\nlet z: Duration = {number}\n"
        );
        assert_eq!(build_of(text.as_bytes()).exit, Exit::Failed);
    }
}

#[test]
fn texts_that_grow_without_end_meet_the_budget() {
    let mut text =
        String::from("erp 1\nplatform p { version \"1\"; cluster c }\nlet a0 = \"0123456789\"\n");
    for n in 1..40 {
        text += &format!(
            "let a{n} = \"${{a{0}}}${{a{0}}}${{a{0}}}${{a{0}}}\"\n",
            n - 1
        );
    }
    let compiled = Memory::of(text).compile();
    assert!(
        compiled
            .diagnostics
            .as_slice()
            .iter()
            .any(|d| d.code.id == "E0016"),
        "{:?}",
        compiled.diagnostics
    );
}

/// The folder refuses new files; root may write anywhere, so the test needs another user.
#[cfg(unix)]
#[test]
fn an_output_folder_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a temporary folder");
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o555)).expect("permissions");
    if fs::write(out.join("probe"), "").is_ok() {
        return;
    }
    let ran = build_to(&out);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("permission denied"), "{}", ran.err);
}

fn build_to(out: &Path) -> Ran {
    let hello = repository().join("examples/hello");
    erpc(&[
        "build".as_ref(),
        hello.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ])
}

#[test]
fn an_output_folder_that_is_a_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let out = folder.path().join("out");
    fs::write(&out, "mine").expect("a file");
    let ran = build_to(&out);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains(&*out.to_string_lossy()), "{}", ran.err);
    assert_eq!(fs::read_to_string(&out).expect("still there"), "mine");
}

/// `/dev/full` refuses every byte, as a disk does that has none left; a link to it stands where
/// the build stages a file.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_eq!(build_to(folder.path()).exit, Exit::Done);
    let service = folder.path().join("lib/hello/web/service.yaml");
    fs::remove_file(&service).expect("to be made again");
    fs::remove_file(folder.path().join("lib/hello/web/ingress.yaml")).expect("this too");
    let before = files_below(folder.path());
    std::os::unix::fs::symlink(
        "/dev/full",
        folder.path().join("lib/hello/web/service.yaml.erpc-new"),
    )
    .expect("a link");
    let ran = build_to(folder.path());
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("the disk is full; nothing was written"),
        "{}",
        ran.err
    );
    assert_eq!(files_below(folder.path()), before);
}

/// A folder that is not empty cannot be replaced by a file: the rename fails when others have succeeded.
#[test]
fn a_rename_that_fails_is_undone() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_eq!(build_to(folder.path()).exit, Exit::Done);
    let web = folder.path().join("lib/hello/web");
    // Files to be changed, to be made and to be removed beside the one that fails.
    let deployment = fs::read_to_string(web.join("deployment.yaml")).expect("an output");
    fs::write(folder.path().join("share/old.yaml"), &deployment).expect("a file of a build");
    fs::write(web.join("networkpolicy.yaml"), deployment).expect("another text of a build");
    fs::remove_file(web.join("ingress.yaml")).expect("to be made again");
    fs::remove_dir_all(folder.path().join("helm")).expect("to be made again");
    fs::remove_file(web.join("service.yaml")).expect("it is there");
    fs::create_dir(web.join("service.yaml")).expect("a folder in its place");
    fs::write(web.join("service.yaml/mine"), "mine").expect("a file");
    let before = files_below(folder.path());
    let ran = build_to(folder.path());
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
    assert_eq!(files_below(folder.path()), before);
    fs::remove_dir_all(web.join("service.yaml")).expect("no folder any more");
    assert_eq!(build_to(folder.path()).exit, Exit::Done);
}
