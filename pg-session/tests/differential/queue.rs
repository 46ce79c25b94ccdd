//! The queue of a copy: what its planner makes of it.

use pg_session::ledger::{self, Format, PlannedChunk, Range};
use pg_session::snapshot::{Moment, SnapshotId};
use pg_session::{RelationName, quote};

use crate::cluster::{Cluster, installed};

const TAKE: &str = include_str!("../../src/ledger/sql/chunk_take.sql");

fn chunk(number: i64) -> PlannedChunk {
    PlannedChunk {
        name: RelationName::new("public", format!("t{number}")),
        columns: vec!["a".to_owned()],
        condition: None,
        bytes: number * 8192,
        filenode: None,
        format: Format::Binary,
        frozen: false,
        part: 1,
        parts: 1,
        range: Range::Whole,
    }
}

/// What sorts the queue reads all of it for each chunk.
#[test]
fn a_chunk_is_taken_without_sorting_the_queue() {
    if let Some((major, bin)) = installed().pop() {
        let cluster = Cluster::start(&bin);
        let mut session = cluster.connect();
        ledger::ensure(&mut session).unwrap();
        let moment = Moment {
            lineage: None,
            snapshot: "1:1:".to_owned(),
        };
        let snapshot = SnapshotId("none".to_owned());
        let run = ledger::begin_run(&mut session, "", &snapshot, &moment).unwrap();
        let chunks: Vec<PlannedChunk> = (1..=5000).map(chunk).collect();
        ledger::plan(&mut session, run, &chunks).unwrap();
        let most = [("9223372036854775807", "1"), ("65536", "49")];
        for (bytes, how_many) in most {
            let take = quote::bound(TAKE, &["{}", bytes, how_many, &run.to_string()]);
            let rows = session.query(&format!("explain {take}"), &[]).unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("using chunk_queue"), "{major}: {plan}");
            assert!(!plan.contains("Sort"), "{major}: {plan}");
        }
    }
}
