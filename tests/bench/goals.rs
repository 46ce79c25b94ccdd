//! What the figures should be.

use crate::compare::{CHECKSUM, COMPARATOR, RELADIFF, VERIFY};
use crate::measure::Figures;
use crate::results::{Ratio, Results};
use crate::scenario::{COPY, DUMP, PGCOPYDB, PIPELINE, PSQL, VALIDATE};

/// A limit, and what it is a limit of.
pub(crate) struct Goal {
    /// What is measured.
    pub(crate) says: &'static str,
    /// What it may be at the most.
    pub(crate) limit: f64,
    /// What it is; `None` where something for it was left out.
    pub(crate) reached: fn(&Results) -> Option<Ratio>,
}

/// All of them.
pub(crate) const GOALS: &[Goal] = &[
    Goal {
        says: "rows of mixed types: processor time of pg-copy to that of psql \\| psql",
        limit: 0.65,
        reached: |results| {
            let cpu = |way| values(results, "mixed_table", way, Figures::cpu);
            Ratio::of(&cpu(COPY.name), &cpu(PSQL.name))
        },
    },
    Goal {
        says: "a whole mixed database: time to that of the faster of pgcopydb and pg_dump with vacuumdb -z",
        limit: 0.75,
        reached: |results| to_the_faster(results, "mixed", wall),
    },
    Goal {
        says: "the same: processor time of client and servers to the lesser of theirs",
        limit: 1.0,
        reached: |results| to_the_faster(results, "mixed", Figures::cpu),
    },
    Goal {
        says: "TPC-H: time",
        limit: 0.75,
        reached: |results| to_the_faster(results, "tpch", wall),
    },
    Goal {
        says: "TPC-H: processor time",
        limit: 1.0,
        reached: |results| to_the_faster(results, "tpch", Figures::cpu),
    },
    Goal {
        says: "5,000 tables with all that belongs to them: time",
        limit: 0.75,
        reached: |results| to_the_faster(results, "tables", wall),
    },
    Goal {
        says: "5,000 tables with all that belongs to them: processor time",
        limit: 1.0,
        reached: |results| to_the_faster(results, "tables", Figures::cpu),
    },
    Goal {
        says: "20,000 large objects: time",
        limit: 0.75,
        reached: |results| to_the_faster(results, "large_objects", wall),
    },
    Goal {
        says: "20,000 large objects: processor time",
        limit: 1.0,
        reached: |results| to_the_faster(results, "large_objects", Figures::cpu),
    },
    Goal {
        says: "one large table with six indexes: time",
        limit: 0.65,
        reached: |results| to_the_faster(results, "large_table", wall),
    },
    Goal {
        says: "one large table with six indexes: processor time",
        limit: 1.0,
        reached: |results| to_the_faster(results, "large_table", Figures::cpu),
    },
    Goal {
        says: "rows of 5,000 tables of one row: milliseconds a table, beyond those of a single one",
        limit: 2.0,
        reached: a_small_table,
    },
    Goal {
        says: "twice the rows of the large table: time to that of the large table",
        limit: 2.05,
        reached: |results| twice(results, |figures| figures.wall),
    },
    Goal {
        says: "twice the rows of the large table: memory to that of the large table",
        limit: 1.05,
        reached: |results| twice(results, |figures| figures.memory),
    },
    Goal {
        says: "all checks of a database of 10,000 tables: seconds",
        limit: 10.0,
        reached: |results| {
            let seconds = values(results, "many_tables", VALIDATE.name, wall);
            Ratio::of(&seconds, &vec![1.0; seconds.len()])
        },
    },
    Goal {
        says: "ten of ten million rows differ: time of pg-verify to that of the fastest other that names them",
        limit: 0.33,
        reached: |results| to_the_fastest(results, "accounts_differ", VERIFY.name, wall, &PEERS),
    },
    Goal {
        says: "a table of mixed types compared: the same",
        limit: 0.33,
        reached: |results| to_the_fastest(results, "mixed_compared", VERIFY.name, wall, &PEERS),
    },
    Goal {
        says: "ten million equal rows: processor time of the server that has more of it to that of a checksum by psql",
        limit: 1.3,
        reached: |results| a_side(results, "accounts"),
    },
    Goal {
        says: "a table of mixed types compared: the same",
        limit: 1.3,
        reached: |results| a_side(results, "mixed_compared"),
    },
    Goal {
        says: "ten of ten million rows differ: time to that of equal ones",
        limit: 1.5,
        reached: |results| {
            let of = |scenario| values(results, scenario, VERIFY.name, wall);
            Ratio::of(&of("accounts_differ"), &of("accounts"))
        },
    },
    Goal {
        says: "ten of ten million rows differ: memory of pg-verify, in MB",
        limit: 64.0,
        reached: |results| {
            let memory = values(results, "accounts_differ", VERIFY.name, |figures| {
                figures.memory
            });
            Ratio::of(&memory, &vec![1.0; memory.len()])
        },
    },
];

/// Those that name the rows that differ.
const PEERS: [&str; 2] = [COMPARATOR.name, RELADIFF.name];

fn values(
    results: &Results,
    scenario: &'static str,
    way: &'static str,
    figure: fn(&Figures) -> f64,
) -> Vec<f64> {
    results.runs(scenario, way).iter().map(figure).collect()
}

fn wall(figures: &Figures) -> f64 {
    figures.wall
}

fn to_the_faster(
    results: &Results,
    scenario: &'static str,
    figure: fn(&Figures) -> f64,
) -> Option<Ratio> {
    let others = [DUMP.name, PGCOPYDB.name];
    to_the_fastest(results, scenario, PIPELINE.name, figure, &others)
}

/// A figure of a way to the least of others; those that have no result do not count.
fn to_the_fastest(
    results: &Results,
    scenario: &'static str,
    way: &'static str,
    figure: fn(&Figures) -> f64,
    others: &[&'static str],
) -> Option<Ratio> {
    let of = |way| values(results, scenario, way, figure);
    let ours = of(way);
    others
        .iter()
        .filter_map(|other| Ratio::of(&ours, &of(other)))
        .max_by(|one, other| one.median.total_cmp(&other.median))
}

/// Processor time of pg-verify to that of the checksum, on the side where that is more.
fn a_side(results: &Results, scenario: &'static str) -> Option<Ratio> {
    let sides: [fn(&Figures) -> f64; 2] = [|figures| figures.source, |figures| figures.target];
    sides
        .into_iter()
        .filter_map(|side| to_the_fastest(results, scenario, VERIFY.name, side, &[CHECKSUM.name]))
        .max_by(|one, other| one.median.total_cmp(&other.median))
}

fn a_small_table(results: &Results) -> Option<Ratio> {
    let tables = u32::try_from(*results.tables.get("small_tables")?).ok()?;
    let many = values(results, "small_tables", COPY.name, wall);
    let one = values(results, "small_table", COPY.name, wall);
    let more: Vec<f64> = many
        .iter()
        .zip(&one)
        .map(|(many, one)| (many - one) * 1000.0)
        .collect();
    let each = vec![f64::from(tables); more.len()];
    Ratio::of(&more, &each)
}

fn twice(results: &Results, figure: fn(&Figures) -> f64) -> Option<Ratio> {
    let of = |scenario| values(results, scenario, PIPELINE.name, figure);
    Ratio::of(&of("large_table_twice"), &of("large_table"))
}
