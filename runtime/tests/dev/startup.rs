//! Reasons why `dev` does not start, each with an explanation.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::process::{self, Dev};

#[test]
fn wrong_settings_file_is_explained() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "sites:\n  - domain: https://example.com/\n",
            &["line 2", "sites[0].domain", "use only the host"],
        ),
        (
            "sites:\n  - domain: example.com\n    time_zone: Berlin\n",
            &["line 3", "sites[0].time_zone", "Europe/Berlin"],
        ),
        (
            "sites:\n  - domain: example.com\n    timezone: UTC\n",
            &["line 3", "sites[0].timezone", "unknown key", "time_zone"],
        ),
        ("sites:\n  - domain: example.com\nshards: 0\n", &["line 3", "shards", "from 1 to 100"]),
        (
            "sites:\n  - domain: a.example\n    retention_days: soon\n",
            &["line 3", "retention_days", "write"],
        ),
        ("sites: []\n", &["sites", "add `- domain: example.com`"]),
        ("# nothing yet\n", &["sites", "add `sites:`"]),
        ("sites:\n\t- domain: example.com\n", &["line 2", "not valid YAML"]),
        (
            "sites:\n  - domain: a.example\n  - domain: a.example\n",
            &["line", "sites", "duplicate", "remove one"],
        ),
    ];
    for (yaml, expected) in cases {
        let folder = process::folder(Some(yaml));
        let (status, stderr) = process::fails(process::command(folder.path(), &[]));
        assert!(!status.success(), "{yaml}");
        for part in expected.iter().chain(&["footfall.yaml"]) {
            assert!(stderr.contains(part), "{yaml}: {stderr:?} should say {part:?}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!folder.path().join("data").exists(), "no folder was made");
    }
    // A file that cannot be read at all.
    let folder = process::folder(None);
    fs::write(folder.path().join("footfall.yaml"), b"\xff\xfe").unwrap();
    let (status, stderr) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success() && stderr.contains("cannot read footfall.yaml"), "{stderr}");
}

#[test]
fn port_in_use_is_explained() {
    let (folder, other) = (process::folder(None), process::folder(None));
    let dev = Dev::start(folder.path());
    let port = dev.address.port().to_string();
    let (status, stderr) = process::fails(process::command_on(&port, other.path(), &[]));
    assert!(!status.success());
    assert!(stderr.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{stderr}");
    assert!(stderr.contains("--port"), "{stderr}");
}

#[test]
fn folder_in_use_is_explained() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    let (status, stderr) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success());
    assert!(
        stderr.contains("in use by another `cargo xtask dev`") && stderr.contains("--data"),
        "{stderr}"
    );
    dev.view("http://localhost/");
    assert_eq!(dev.report()["totals"]["views"], 1, "the first one still works");
}

#[test]
fn folder_of_a_newer_version_is_explained() {
    let folder = process::folder(None);
    fs::create_dir(folder.path().join("data")).unwrap();
    let database = redb::Database::create(folder.path().join("data/footfall.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    write.open_table(meta).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    let (status, stderr) = process::fails(process::command(folder.path(), &[]));
    assert!(!status.success());
    for part in ["newer Footfall", "format 2", "knows 1", "--data"] {
        assert!(stderr.contains(part), "{stderr:?} should say {part:?}");
    }
}

/// Whether file permissions do not apply to this process.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

#[test]
fn read_only_folder_is_explained() {
    let folder = process::folder(None);
    let dev = Dev::start(folder.path());
    dev.view("http://localhost/");
    dev.stop();
    let file = folder.path().join("data/footfall.redb");
    let before = fs::read(&file).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    // Root may write anywhere, so another user has to try. That user can reach a copy of the binary here.
    let binary = folder.path().join("dev");
    fs::copy(env!("CARGO_BIN_EXE_dev"), &binary).unwrap();
    let run = if is_root() {
        r#"shift; exec setpriv --reuid=65534 --regid=65534 --clear-groups ./dev "$@""#
    } else {
        r#"shift; exec ./dev "$@""#
    };
    let attempt = |data: &str| {
        let script = run.replace(r#""$@""#, &format!(r#"--port 0 --data {data}"#));
        process::fails(process::command_through(folder.path(), &script))
    };
    mode(&file, 0o444);
    mode(&folder.path().join("data"), 0o555);
    mode(folder.path(), 0o555);
    let (existing, absent) = (attempt("data"), attempt("new/data"));
    mode(folder.path(), 0o755);
    mode(&folder.path().join("data"), 0o755);
    mode(&file, 0o644);
    if existing.1.contains("setpriv") || existing.1.contains("not found") {
        println!("SKIPPED: cannot run as another user here: {}", existing.1);
        return;
    }
    for ((status, stderr), what) in
        [(existing, "cannot open"), (absent, "cannot create the folder")]
    {
        assert!(!status.success(), "{stderr}");
        assert!(stderr.contains(what) && stderr.contains("ermission denied"), "{stderr}");
        assert!(stderr.contains("--data"), "{stderr}");
    }
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
    let dev = Dev::start(folder.path());
    assert_eq!(dev.report()["totals"]["views"], 1);
}
