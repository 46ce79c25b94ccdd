//! What stdin and stdout are to every tool: left alone, closed, full.

use std::fs::File;
use std::io::{Read, Seek, Write};

use pg_e2e::tool::{Stdin, Stdout};
use pg_e2e::{Pair, fault};

use crate::scene::{READERS, Scene, shown};

/// A whole stream without anything to do.
const IDLE: &str = "{\"type\":\"begin\",\"tool\":\"x\",\"version\":\"1\",\"format\":1,\"id\":\"a\"}\n\
                    {\"type\":\"end\",\"tool\":\"x\",\"id\":\"a\",\"exit\":0}\n";

#[test]
fn a_reader_that_leaves_ends_every_tool_quietly_with_141() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS {
        let ran = scene
            .tool(words)
            .input(IDLE)
            .stdout(Stdout::ReaderGone)
            .run();
        ran.ends_with(141);
    }
    for words in [
        ["pg-probe"],
        ["pg-validate"],
        ["pg-schema-dump"],
        ["pg-verify"],
    ] {
        let ran = scene.tool(&words).stdout(Stdout::ReaderGone).run();
        ran.ends_with(141);
        for word in ["error", "pipe", "panic"] {
            assert!(
                !ran.stderr.contains(word),
                "a reader that left is no {word}\n{ran}"
            );
        }
    }
}

#[test]
fn a_full_disk_under_stdout_is_an_error_that_is_told() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS {
        let ran = scene
            .tool(words)
            .input(IDLE)
            .stdout(Stdout::File(fault::full_disk()))
            .run();
        // The recorder also misses a migration in this stream: which it finds first is chance.
        let is_recorder = words.contains(&"record");
        let is_told = ran.status == 3 || is_recorder && ran.status == 2;
        assert!(is_told, "{}\n{ran}", shown(words));
        ran.says(&["cannot write standard output", "hint: "]);
    }
}

#[test]
fn without_a_stream_operand_stdin_is_left_alone() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS.iter().map(|words| &words[..words.len() - 1]) {
        let mut file: File = tempfile::tempfile().expect("a temporary file can be made");
        file.write_all(b"for somebody else\n")
            .expect("it takes a line");
        file.rewind().expect("it can be rewound");
        let same = file.try_clone().expect("it can be shared");
        let ran = scene.tool(words).stdin(Stdin::File(same)).run();
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("it can be read");
        assert_eq!(
            rest,
            "for somebody else\n",
            "{} read stdin\n{ran}",
            shown(words)
        );
    }
}

#[test]
fn without_a_stream_operand_a_silent_stdin_hangs_nobody() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS.iter().map(|words| &words[..words.len() - 1]) {
        let ran = scene.tool(words).stdin(Stdin::Silent).run();
        assert!([0, 1, 2].contains(&ran.status), "{}\n{ran}", shown(words));
        if ran.status == 2 {
            ran.says(&["pg-"]);
        }
    }
}

#[test]
fn a_stream_file_that_is_not_there_is_named() {
    let scene = Scene::plain(Pair::newest());
    for words in READERS {
        let (_, before) = words.split_last().expect("a reader has an operand");
        let ran = scene.tool(before).arg("no-such-file.ndjson").run();
        ran.fails_clearly(3, &["no-such-file.ndjson"]);
    }
}
