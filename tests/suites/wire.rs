//! The stream: what is forwarded, what stops whom, and what is refused.

use pg_e2e::{Pair, Pipeline, Tool};

use crate::scene::{BY_HAND, READERS, Scene, closes_with, shown};

const BEGIN: &str = r#"{"type":"begin","tool":"pg-upstream","version":"9","format":1,"id":"0a"}"#;
const END: &str = r#"{"type":"end","tool":"pg-upstream","id":"0a","exit":0}"#;

/// Kinds that no tool knows, written as no tool of ours would.
const REMARKS: [&str; 4] = [
    r#"{ "note" : 1.50, "type":"remark" , "x": {"type": "begin"} }"#,
    r#"{"type":"remark","text":"\u00fc ü \/ 世界","big":123456789012345678901234567890,"e":1e-40}"#,
    r#"{"type":"remark","twice":1,"twice":2,"  ":[]}"#,
    r#"{"type":"remark"}"#,
];

fn lines<S: AsRef<str>>(lines: &[S]) -> String {
    lines
        .iter()
        .flat_map(|line| [line.as_ref(), "\n"])
        .collect()
}

/// The lines of a text that stand in a list, in the text's order.
fn only<'t>(text: &'t str, list: &[&str]) -> Vec<&'t str> {
    text.lines().filter(|line| list.contains(line)).collect()
}

#[test]
fn garbage_is_refused_with_its_line_and_start_and_nothing_is_done() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let garbage = format!("<html>{}", "x".repeat(200));
    let start = &garbage[..80];
    for words in READERS {
        let input = format!("{}{garbage}\n{plan}", lines(&[REMARKS[3]]));
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.fails_clearly(3, &["line 2", start]);
        assert!(
            !ran.stderr.contains(&garbage[..81]),
            "80 characters are enough\n{ran}"
        );
        let stream = ran.stream_with(&["remark"]);
        let error = stream.the("error");
        assert_eq!(
            (error.text("scope"), error.number("exit")),
            ("stream", 3),
            "{ran}"
        );
    }
}

#[test]
fn what_is_json_but_no_record_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let odd = [
        "[]",
        "7",
        "{}",
        "\"begin\"",
        "",
        r#"{"type":1}"#,
        r#"{"type":"end"}"#,
        "\u{feff}{}",
    ];
    for line in odd {
        let ran = scene
            .tool(&["pg-copy", "-"])
            .input(format!("{line}\n"))
            .run();
        ran.fails_clearly(3, &["line 1"]);
    }
}

#[test]
fn what_is_not_utf_8_is_refused_in_records_that_nobody_knows_too() {
    let scene = Scene::plain(Pair::newest());
    let mut bytes = b"{\"type\":\"remark\",\"text\":\"\xff\xfe\"}\n".to_vec();
    bytes.extend_from_slice(b"{\"type\":\"remark\"}\n");
    let ran = scene.tool(&["pg-copy", "-"]).input(bytes).run();
    ran.fails_clearly(3, &["line 1"]);
}

#[test]
fn a_begin_without_its_end_is_a_cut_stream_and_nothing_is_done() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let (whole, _) = plan.trim_end().rsplit_once('\n').expect("a plan has lines");
    for words in &READERS[3..5] {
        let input = format!("{whole}\n");
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.fails_clearly(3, &["pg-schema-dump", "never ended"]);
        closes_with(&ran, 3);
    }
    for words in READERS {
        let input = lines(&[BEGIN, REMARKS[0]]);
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.fails_clearly(3, &["pg-upstream", "never ended"]);
        closes_with(&ran, 3);
    }
}

#[test]
fn a_stream_cut_in_the_middle_of_a_line_is_refused() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let cut = &plan[..plan.len() * 2 / 3];
    let cut = cut.trim_end_matches(['\n', '}', '{']);
    for words in &READERS[3..6] {
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(cut).run());
        ran.fails_clearly(3, &["cut"]);
        closes_with(&ran, 3);
    }
}

#[test]
fn a_writer_that_is_killed_leaves_the_target_as_it_was() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.dir.path().join("plan.ndjson");
    std::fs::write(&plan, scene.plan()).expect("the directory is ours");
    let script = format!("head -n 3 '{}'; kill -9 $$", plan.display());
    for words in &READERS[3..5] {
        let writer = Tool::program("sh", "/bin/sh".as_ref()).args(["-c", &script]);
        let joined =
            scene.target_is_untouched_by(|| Pipeline::of([writer]).pipe(scene.tool(words)).run());
        assert_eq!(joined.statuses(), [137, 3], "{joined}");
    }
}

#[test]
fn unknown_records_pass_every_tool_byte_for_byte_and_in_order() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS {
        let newer = END.replace('}', r#", "mood":"good"}"#);
        let input = [&[BEGIN], &REMARKS[..], &[&newer]].concat();
        let ran = scene.tool(words).input(lines(&input)).run();
        assert_eq!(only(&ran.text(), &input), input, "{}\n{ran}", shown(words));
    }
}

#[test]
fn every_record_passes_the_whole_pipeline_byte_for_byte_and_in_order() {
    let scene = Scene::plain(Pair::newest());
    let mut input: Vec<String> = scene.plan().lines().map(str::to_owned).collect();
    for (place, remark) in REMARKS.iter().enumerate() {
        input.insert(place * input.len() / 4, (*remark).to_owned());
    }
    let mut tools = scene.tools(&BY_HAND[1..]);
    let first = tools
        .next()
        .expect("a pipeline has tools")
        .input(lines(&input));
    let joined = Pipeline::of([first].into_iter().chain(tools)).run();
    joined.succeeds();
    let expected: Vec<&str> = input.iter().map(String::as_str).collect();
    assert_eq!(only(&joined.last().text(), &expected), expected, "{joined}");
    joined.last().stream_with(&["remark"]);
}

#[test]
fn an_error_upstream_stops_every_tool_with_the_same_status_and_no_error_of_its_own() {
    let scene = Scene::plain(Pair::newest());
    let plan = scene.plan();
    let error = r#"{"type":"error","tool":"pg-upstream","scope":"stream","class":"statement","message":"refused","exit":5}"#;
    let end = END.replace("\"exit\":0", "\"exit\":5");
    for words in READERS {
        let input = format!("{plan}{}", lines(&[BEGIN, error, &end]));
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.ends_with(5);
        ran.says(&["pg-upstream"]);
        assert_eq!(
            ran.stream().of("error").count(),
            1,
            "{}\n{ran}",
            shown(words)
        );
    }
}

#[test]
fn a_failed_validation_stops_those_who_change_the_target() {
    let scene = Scene::plain(Pair::newest());
    let verdict = r#"{"type":"validation","status":"Failed","succeeded":1,"warning":0,"failed":1,"skipped":0}"#;
    for words in &READERS[2..7] {
        let input = format!("{verdict}\n{}", scene.plan());
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.ends_with(1);
    }
}

#[test]
fn an_end_that_failed_stops_those_who_change_the_target() {
    let scene = Scene::plain(Pair::newest());
    let end = END.replace("\"exit\":0", "\"exit\":4");
    for words in &READERS[3..6] {
        let input = format!("{}{}", scene.plan(), lines(&[BEGIN, &end]));
        let ran = scene.target_is_untouched_by(|| scene.tool(words).input(input).run());
        ran.ends_with(4);
    }
}

#[test]
fn a_stream_without_any_begin_is_taken_as_it_is_with_a_notice() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS {
        let ran = scene.tool(words).input(lines(&REMARKS)).run();
        assert!(ran.status != 3, "{}\n{ran}", shown(words));
        ran.says(&["no begin"]);
    }
}

#[test]
fn every_tool_closes_its_part_with_its_own_id_and_its_real_status() {
    let scene = Scene::plain(Pair::newest());
    for words in [
        &["pg-probe"],
        &["pg-validate"],
        &["pg-schema-dump"],
        &["pg-verify"],
    ] {
        let ran = scene.tool(words).run();
        let stream = ran.stream();
        assert_eq!(stream.the("begin").text("tool"), words[0], "{ran}");
        assert_eq!(
            stream.the("begin").text("version"),
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(stream.the("begin").text("id"), stream.the("end").text("id"));
        assert_eq!(stream.records[0].kind(), "begin", "{ran}");
        closes_with(&ran, ran.status);
    }
}

#[test]
fn ids_are_random() {
    let scene = Scene::plain(Pair::newest());
    let id = || {
        scene
            .tool(&["pg-probe"])
            .run()
            .stream()
            .the("begin")
            .text("id")
            .to_owned()
    };
    assert_ne!(id(), id());
}

#[test]
fn the_same_input_gives_the_same_bytes_but_for_ids_and_times() {
    let scene = Scene::small(Pair::newest());
    let steady = || {
        let stream = scene.tool(&["pg-schema-dump"]).run().stream();
        stream.filtered(|record| !["begin", "end", "progress"].contains(&record.kind()))
    };
    assert_eq!(steady(), steady());
}
