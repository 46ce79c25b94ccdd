//! What the figures should be.

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
        limit: 0.85,
        reached: |results| to_the_faster(results, "mixed"),
    },
    Goal {
        says: "a database of one large table: the same",
        limit: 0.7,
        reached: |results| to_the_faster(results, "large_table"),
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
];

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

fn to_the_faster(results: &Results, scenario: &'static str) -> Option<Ratio> {
    let others = [DUMP.name, PGCOPYDB.name].map(|way| values(results, scenario, way, wall));
    let ours = values(results, scenario, PIPELINE.name, wall);
    let ratios = others.iter().filter_map(|other| Ratio::of(&ours, other));
    ratios.max_by(|one, other| one.median.total_cmp(&other.median))
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
