//! What the journal tells: to `show`, `watch` and `report`, while it is written, and after
//! something has gone wrong with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pg_e2e::fault::wait_until;
use pg_e2e::tool::Stdin;
use pg_e2e::{Pair, Ran, Tool};

use crate::recorded::{file, migrate, script};
use crate::scene::{Scene, private, skip};

const LIMIT: Duration = Duration::from_secs(20);

/// Names that would be markup, or more, on a page.
const HOSTILE: &str = "
    create schema \"<script>alert('s')</script>\";
    create table \"<script>alert('s')</script>\".\"]]> & \"\"<b onclick='x'>\"
        (id integer primary key, t text);
    insert into \"<script>alert('s')</script>\".\"]]> & \"\"<b onclick='x'>\"
        select n, md5(n::text) from generate_series(1, 300000) n;
    create index \"<!-- & \"\"index\" on \"<script>alert('s')</script>\".\"]]> & \"\"<b onclick='x'>\" (t);";

fn state(scene: &Scene, words: &[&str]) -> Ran {
    let mut all = vec!["pg-migstate"];
    all.extend(words);
    scene.tool(&all).run()
}

/// The journal of the scene's only migration.
fn journal(scene: &Scene) -> PathBuf {
    let targets = fs::read_dir(scene.state_dir()).expect("something was begun");
    let files = targets
        .flatten()
        .flat_map(|target| fs::read_dir(target.path()).into_iter().flatten().flatten());
    files
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
        .expect("there is a journal")
}

/// Measures a page in a browser; says what is wrong with it in the title.
const MEASURE: &str = "<script>
    const wrong = [];
    if (performance.getEntriesByType('resource').length) wrong.push('loads something');
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('is wider than the window');
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2;
    for (const svg of document.querySelectorAll('svg')) {
        const chart = svg.getBoundingClientRect();
        const bars = [...svg.querySelectorAll('rect.bar')].map(bar => bar.getBoundingClientRect());
        const texts = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect());
        if (!bars.length) wrong.push('a chart without bars');
        for (const bar of bars)
            if (bar.width <= 0 || bar.left < chart.left + 290 || bar.right > chart.right + 1 || bar.bottom > chart.bottom)
                wrong.push('a bar outside');
        texts.forEach((text, index) => texts.slice(index + 1).forEach(other => {
            if (meet(text, other)) wrong.push('texts that overlap');
        }));
    }
    document.title = 'measured: ' + [...new Set(wrong)].join(', ');
    </script></body>";

/// Renders the page in Chromium, narrow and wide, where there is one.
#[track_caller]
fn looks_right(scene: &Scene, page: &str) {
    let found = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let Some(browser) = found.iter().map(Path::new).find(|path| path.exists()) else {
        skip("no Chromium to look at the report with");
        return;
    };
    let copy = scene.dir.path().join("measured.html");
    fs::write(&copy, page.replace("</body>", MEASURE)).expect("the directory is ours");
    for size in ["420,800", "1300,900"] {
        let ran = Tool::program("chromium", browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .arg(format!("--window-size={size}"))
            .arg(format!(
                "--user-data-dir={}",
                scene.dir.path().join("browser").display()
            ))
            .arg(format!("file://{}", copy.display()))
            .home(scene.dir.path())
            .run();
        let text = ran.text();
        assert!(text.contains("<title>measured: </title>"), "{size}\n{ran}");
    }
}

/// Nothing is loaded from elsewhere, and nothing runs.
#[track_caller]
fn stands_alone(document: &roxmltree::Document<'_>) {
    let forbidden = ["script", "link", "img", "iframe", "b", "i"];
    for node in document.descendants() {
        let name = node.tag_name().name();
        assert!(!forbidden.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let name = attribute.name();
            let refers = name == "src" || name == "href" || name.starts_with("on");
            assert!(!refers, "{name}");
        }
    }
}

#[test]
fn the_report_is_one_well_formed_page_with_every_table_and_index_and_no_name_is_markup() {
    let scene = Scene::of(Pair::newest(), "shop <i> & \"co\"", HOSTILE);
    scene.target.drop_now();
    migrate(&scene, &[&file(&scene, "page")]).ends_with(0);
    let page = scene.dir.path().join("page.html");
    state(
        &scene,
        &["report", "page", "--html", &page.display().to_string()],
    )
    .ends_with(0);
    let text = fs::read_to_string(&page).expect("the page was written");
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let parsed = roxmltree::Document::parse_with_options(&text, options);
    let document = parsed.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let named = |name: &str| -> Vec<roxmltree::Node<'_, '_>> {
        let all = document.descendants();
        all.filter(|node| node.tag_name().name() == name).collect()
    };
    stands_alone(&document);
    let titles: Vec<String> = named("h2")
        .iter()
        .filter_map(roxmltree::Node::text)
        .map(str::to_owned)
        .collect();
    for title in [
        "Summary",
        "Timeline",
        "Throughput",
        "Validation",
        "Verification",
        "Parameters to carry over",
        "Cutover check list",
    ] {
        assert!(
            titles.iter().any(|one| one == title),
            "{title} is not in {titles:?}"
        );
    }
    let bars: Vec<String> = named("g")
        .iter()
        .filter_map(|bar| bar.first_element_child()?.text().map(str::to_owned))
        .collect();
    for (kind, name) in [("TABLE", "]]> & "), ("INDEX", "<!-- & ")] {
        let is = |bar: &&String| bar.contains(kind) && bar.contains(name);
        assert!(
            bars.iter().any(|bar| is(&bar)),
            "{kind} {name} is not in {bars:?}"
        );
    }
    let cells: String = named("td")
        .iter()
        .filter_map(roxmltree::Node::text)
        .collect();
    assert!(
        cells.contains("Succeeded") && cells.contains("shop <i> & "),
        "{cells}"
    );
    looks_right(&scene, &text);
}

#[test]
fn watch_follows_to_the_end_while_others_list_and_show_and_delete_waits_for_it() {
    let scene = Scene::small(Pair::newest());
    scene.target.drop_now();
    let running = Tool::program("migrate", &script(&scene))
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .arg(file(&scene, "watched"))
        .stdin(Stdin::Silent)
        .spawn();
    wait_until("it is begun", LIMIT, || {
        state(&scene, &["show", "watched"]).status == 0
    });
    let watch = scene.tool(&["pg-migstate", "watch", "watched"]).spawn();
    state(&scene, &["delete", "watched"]).fails_clearly(7, &["watched", "InProgress"]);
    let mut running = running;
    while running.is_alive() {
        for words in [&["show", "watched"][..], &["list"]] {
            let ran = state(&scene, words);
            ran.ends_with(0);
            ran.stream();
        }
    }
    running.wait().ends_with(0);
    let watched = watch.wait();
    watched.ends_with(0);
    let stream = watched.stream();
    let substates: Vec<&str> = stream.of("state").map(|one| one.text("substate")).collect();
    assert_eq!(substates.last(), Some(&"Completed"), "{watched}");
    assert!(substates.contains(&"MigratingData"), "{watched}");
    state(&scene, &["delete", "watched"]).ends_with(0);
    state(&scene, &["show", "watched"]).fails_clearly(2, &["watched"]);
    assert!(scene.target.exists(), "only the journal goes");
}

#[test]
fn a_page_that_cannot_be_written_is_named() {
    let scene = Scene::plain(Pair::newest());
    let path = file(&scene, "page");
    scene
        .tool(&["pg-migstate", "begin", &path])
        .run()
        .ends_with(0);
    let refused = state(&scene, &["report", "page", "--html", "/dev/null/not-there"]);
    refused.fails_clearly(3, &["/dev/null/not-there"]);
}

#[test]
fn a_second_recorder_of_a_database_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let path = file(&scene, "recorded-twice");
    let begun = scene.tool(&["pg-migstate", "begin", &path]).run();
    begun.ends_with(0);
    let head = scene.dir.path().join("head.ndjson");
    fs::write(&head, begun.text()).expect("the directory is ours");
    let slow = "(cat \"$1\"; sleep 4) | pg-migstate record - >/dev/null";
    let first = Tool::program("sh", "/bin/sh".as_ref())
        .args(["-c", slow, "sh"])
        .arg(&head)
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .spawn();
    let second = || {
        scene
            .tool(&["pg-migstate", "begin", "--resume", &path])
            .run()
    };
    wait_until("the first one holds it", LIMIT, || second().status == 7);
    let refused = scene
        .tool(&["pg-migstate", "record", "-"])
        .input(begun.text())
        .run();
    refused.fails_clearly(7, &["is being recorded"]);
    first.wait();
}

#[test]
fn what_failed_is_watched_to_its_end_with_status_1() {
    let scene = Scene::plain(Pair::newest());
    let path = file(&scene, "fails");
    assert!(migrate(&scene, &["--databases", "not_there", &path]).status != 0);
    let watched = state(&scene, &["watch", "fails"]);
    watched.ends_with(1);
    watched.says(&["fails: Failed", "./migrate --resume fails"]);
}

#[test]
fn a_torn_last_line_and_a_clock_that_went_backwards_hinder_nobody() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    migrate(&scene, &["--hold", &file(&scene, "torn")]).ends_with(0);
    let journal = journal(&scene);
    let text = fs::read_to_string(&journal).expect("the journal is ours");
    // The first half was written a year later than the rest.
    let half = text.lines().count() / 2;
    let back: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let from_later = line.replacen("{\"at\":\"20", "{\"at\":\"21", 1);
            format!(
                "{}\n",
                if number < half {
                    from_later
                } else {
                    line.to_owned()
                }
            )
        })
        .collect();
    fs::write(&journal, format!("{}{{\"at\":\"2026-11-", back.concat()))
        .expect("the journal is ours");
    for words in [&["show", "torn"][..], &["list"]] {
        let ran = state(&scene, words);
        ran.ends_with(0);
        assert!(ran.text().contains("WaitingForUserAction"), "{ran}");
    }
    let list = state(&scene, &["list", "--format", "csv"]);
    assert!(
        list.text().contains("00:00:00"),
        "no time below zero\n{list}"
    );
    let page = scene.dir.path().join("torn.html").display().to_string();
    state(&scene, &["report", "torn", "--html", &page]).ends_with(0);
    state(&scene, &["finish", "torn"]).ends_with(0);
    assert!(scene.target.exists());
    let whole = fs::read_to_string(&journal).expect("the journal is ours");
    for line in whole.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn a_migration_whose_journal_is_damaged_is_begun_again_and_canceled() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let file = file(&scene, "damaged");
    let words = ["--hold", "--option", "Migrate", &file];
    migrate(&scene, &words).ends_with(0);
    let journal = journal(&scene);
    let text = fs::read_to_string(&journal).expect("the journal is ours");
    fs::write(&journal, text.replacen('\n', "\n\0garbage\n", 1)).expect("the journal is ours");
    let ran = state(&scene, &["cancel", "damaged"]);
    ran.fails_clearly(3, &["damaged at line 2"]);
    ran.says(&["hint: Move the file away", "by the same name"]);
    fs::remove_file(&journal).expect("the journal is ours");
    migrate(&scene, &words).ends_with(0);
    state(&scene, &["cancel", "damaged"]).ends_with(0);
    let left = "select count(*) from pg_database where shobj_description(oid, 'pg_database') like '%\"damaged\"%'";
    let left = scene
        .target
        .cluster
        .connect("postgres")
        .query_one(left, &[]);
    assert_eq!(left.expect("a count").get::<_, i64>(0), 0);
}

#[test]
fn a_disk_that_is_full_under_the_journal_is_told_and_the_migration_can_be_resumed() {
    let scene = Scene::plain(Pair::newest());
    scene.target.drop_now();
    let path = file(&scene, "full");
    private(path.as_ref());
    let begun = Tool::new("pg-migstate")
        .args(["begin", &path])
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .run();
    begun.ends_with(0);
    let length = fs::metadata(journal(&scene))
        .expect("there is a journal")
        .len();
    // Room for what is there, in blocks of 512 bytes, and no more.
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec pg-migstate record -",
        length.div_ceil(512)
    );
    let filler = "x".repeat(1000);
    let error = format!(
        "{{\"type\":\"error\",\"tool\":\"t\",\"scope\":\"item\",\"class\":\"c\",\"message\":\"{filler}\",\"exit\":5}}\n"
    );
    let ran = Tool::program("sh", "/bin/sh".as_ref())
        .args(["-c", &script])
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .input(format!("{}{error}", begun.text()))
        .run();
    ran.ends_with(3);
    ran.says(&["cannot write", "full.ndjson", "hint: "]);
    // With room for the first of the lines with which a run begins, none of them stays.
    let before = fs::read(journal(&scene)).expect("there is a journal");
    let first = before.iter().position(|byte| *byte == b'\n');
    let room = before.len() + first.expect("a line ends") + 1;
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec pg-migstate begin --resume \"$0\"",
        room.div_ceil(512)
    );
    let ran = Tool::program("sh", "/bin/sh".as_ref())
        .args(["-c", &script, &path])
        .env("PGMIG_STATE_DIR", scene.state_dir())
        .run();
    ran.ends_with(3);
    let after = fs::read(journal(&scene)).expect("there is a journal");
    assert!(after == before, "part of a beginning is left");
    migrate(&scene, &["--resume", "full"]).ends_with(0);
    assert!(scene.target.exists());
}
