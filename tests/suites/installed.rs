//! `make install`: what it puts where, and that it works from there.

use std::fs;

use pg_e2e::{Tool, workspace};
use tempfile::TempDir;

use crate::scene::TOOLS;

#[test]
fn make_install_puts_binaries_man_pages_and_completions_below_destdir() {
    let root = TempDir::new().expect("a temporary directory can be made");
    let built = pg_e2e::tool::binaries();
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
    let help = Tool::program("pg-migrate", &to.join("bin/pg-migrate"))
        .arg("--help")
        .run();
    help.ends_with(0);
}
