//! `make install` and `make dist`: what they put where, and that it works from there.

use std::fs;
use std::path::Path;

use pg_e2e::tool::binaries;
use pg_e2e::{Ran, Tool, workspace};
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::{TOOLS, skip};

#[test]
fn make_install_puts_binaries_man_pages_and_completions_below_destdir() {
    let root = TempDir::new().expect("a temporary directory can be made");
    let built = binaries();
    let ran = Tool::program("make", "/usr/bin/make".as_ref())
        .args(["--directory"])
        .arg(workspace())
        // Without building: what is built is installed.
        .args(["--old-file=build", "install", "PREFIX=/opt/pg mig"])
        .arg(format!("DESTDIR={}", root.path().display()))
        .arg(format!("BUILT={}", built.display()))
        .run();
    ran.ends_with(0);
    let to = root.path().join("opt/pg mig");
    for tool in TOOLS {
        for (file, word) in [
            (format!("share/man/man1/{tool}.1"), ".TH"),
            (
                format!("share/bash-completion/completions/{tool}"),
                "complete",
            ),
            (format!("share/zsh/site-functions/_{tool}"), "#compdef"),
            (
                format!("share/fish/vendor_completions.d/{tool}.fish"),
                "complete",
            ),
        ] {
            let text = fs::read_to_string(to.join(&file)).unwrap_or_default();
            assert!(text.contains(word), "{file}\n{ran}");
        }
        let version = Tool::program(tool, &to.join("bin").join(tool))
            .arg("--version")
            .run();
        version.ends_with(0);
        assert!(version.text().contains(tool), "{version}");
    }
    // A page for each subcommand, since the tool's page refers to them.
    for page in ["pg-migstate-begin.1", "pg-copy-worker.1"] {
        let text = fs::read_to_string(to.join("share/man/man1").join(page)).unwrap_or_default();
        assert!(
            text.contains(".TH") && text.contains("Examples"),
            "{page}\n{ran}"
        );
    }
    pages_have_no_warnings(&to.join("share/man/man1"));
    let help = Tool::program("pg-migrate", &to.join("bin/pg-migrate"))
        .arg("--help")
        .run();
    help.ends_with(0);
}

/// Formats every page as `man` does, with all warnings.
fn pages_have_no_warnings(pages: &Path) {
    if !Path::new("/usr/bin/groff").is_file() {
        return skip("groff is not installed");
    }
    let format = format!("groff -man -Tutf8 -Kutf8 -ww -z '{}'/*.1", pages.display());
    let ran = program("sh", &["-c", &format]);
    ran.ends_with(0);
    assert!(ran.stderr.is_empty(), "{ran}");
}

fn program(name: &str, words: &[&str]) -> Ran {
    let program = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(name));
    let found = program.iter().find(|program| program.is_file());
    Tool::program(name, found.expect("it is on every machine"))
        .args(words)
        .run()
}

#[test]
fn make_dist_packs_all_that_is_handed_on_with_its_bill_and_sums() {
    let root = TempDir::new().expect("a temporary directory can be made");
    let to = root.path().display().to_string();
    let mut make = Tool::program("make", "/usr/bin/make".as_ref())
        .args(["--directory"])
        .arg(workspace())
        .args(["--old-file=build", "dist"])
        .arg(format!("DIST={to}"))
        .arg(format!("BUILT={}", binaries().display()))
        .arg(format!("BILL={}", binaries().join("bill").display()));
    // cargo's crates and toolchains are in the home of who runs the test.
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let home = std::env::home_dir().unwrap_or_default().join(below);
        let value = std::env::var_os(name).unwrap_or(home.into());
        make = make.env(name, value);
    }
    let ran = make.run();
    ran.ends_with(0);
    let made: Vec<String> = fs::read_dir(root.path())
        .expect("it is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let ending = |ending: &str| {
        let found = made.iter().find(|name| name.ends_with(ending));
        found.unwrap_or_else(|| panic!("no {ending} in {made:?}\n{ran}"))
    };
    let sums = format!(
        "cd '{to}' && sha256sum --check --strict '{}'",
        ending(".sha256")
    );
    program("sh", &["-c", &sums]).ends_with(0);
    let listed = program("tar", &["-tzf", &format!("{to}/{}", ending(".tar.gz"))]).text();
    let papers = [
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "docs/security.md",
        "pgmig.cdx.json",
    ];
    let tools = TOOLS
        .iter()
        .flat_map(|tool| [format!("bin/{tool}"), format!("share/man/man1/{tool}.1")]);
    for file in papers.map(str::to_owned).into_iter().chain(tools) {
        let is_there = listed
            .lines()
            .any(|line| line.ends_with(&format!("/{file}")));
        assert!(is_there, "{file} is not in {listed}");
    }
    let bill = fs::read(root.path().join(ending(".cdx.json"))).expect("it is there");
    let bill: Value = serde_json::from_slice(&bill).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let count = bill["components"].as_array().map_or(0, Vec::len);
    assert!(count > 100, "{count} components");
}
