//! How long it takes to plan which tables are copied in parts: `make bench`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};

// The planner is no business of other crates, so the bench takes its file.
#[path = "../src/split.rs"]
#[expect(
    dead_code,
    reason = "not all of it is timed, and its tests are empty here"
)]
mod split;

use split::{Splitter, by_blocks};

/// Bytes of a block.
const BLOCK: i64 = 8192;

/// Sizes of tables in bytes as databases have them: many small ones, a few large.
fn sizes(tables: i64) -> Vec<i64> {
    (1..=tables)
        .map(|nth| BLOCK * (1 + (8 << 20) / (nth * nth)))
        .collect()
}

/// The ranges of all tables.
fn plan(sizes: &[i64], jobs: usize) -> usize {
    let splitter = Splitter::new(None, sizes.iter().sum(), jobs);
    sizes
        .iter()
        .map(|bytes| by_blocks(bytes / BLOCK, splitter.parts(*bytes)).len())
        .sum()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("planner of pg-copy");
    for tables in [100_u32, 10_000] {
        let sizes = sizes(tables.into());
        group.throughput(Throughput::Elements(tables.into()));
        group.bench_with_input(
            BenchmarkId::new("tables", tables),
            &sizes,
            |bencher, sizes| {
                bencher.iter(|| plan(black_box(sizes), 8));
            },
        );
    }
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("ranges of one table", |bencher| {
        bencher.iter(|| by_blocks(black_box(1 << 32), 10_000));
    });
    group.finish();
    criterion.final_summary();
}
