//! The data sets, and the ways over which each goes.

use crate::compare;

/// A way of moving a database or its rows, or of comparing two. Scripts run under `sh -c` in an empty directory; `$SRC` and `$DST` are
/// connection strings, and so are `$PGMIG_SOURCE` and `$PGMIG_TARGET`, which our tools know.
#[derive(Debug)]
pub(crate) struct Way {
    /// What the report calls it.
    pub(crate) name: &'static str,
    /// The program without which it is left out.
    pub(crate) needs: &'static str,
    /// What is done first, not measured.
    pub(crate) before: &'static str,
    /// What is measured.
    pub(crate) run: &'static str,
    /// What is done then and measured apart: name and script.
    pub(crate) then: &'static [(&'static str, &'static str)],
    /// What writes the keys that it found to differ, out of what `run` left; not measured, and for comparisons only.
    pub(crate) answer: &'static str,
}

/// What the ways of a scenario do, and so what must be right after a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Nothing goes over: the target is to stay empty.
    Look,
    /// Rows go over, into a new database.
    Rows,
    /// Everything goes over: then indexes and the like must be there after it.
    Whole,
    /// Two databases are compared that are made once and stay as they are.
    Compare {
        /// What makes the target differ from the source, as a script of psql.
        changes: &'static str,
        /// The query of the source that gives the keys in which they differ then.
        differing: &'static str,
    },
}

/// A data set, made by a script of psql that knows `:scale` and `:times`, and ways over which it goes.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name, for `BENCH_ONLY` and goals.
    pub(crate) name: &'static str,
    /// What the report says of it.
    pub(crate) title: &'static str,
    /// The script.
    pub(crate) sql: &'static str,
    /// `:times`, for the same data in another size.
    pub(crate) times: &'static str,
    /// What is done with it.
    pub(crate) work: Work,
    /// The ways, ours first.
    pub(crate) ways: &'static [Way],
}

/// Schema, rows, indexes, keys, ANALYZE; then the proof, timed apart.
pub(crate) const PIPELINE: Way = Way {
    name: "pgmig",
    needs: "pg-copy",
    before: "",
    run: "pg-schema-dump | pg-schema-apply --section pre-data - | pg-copy - | pg-schema-apply --section post-data - >done",
    then: &[
        ("pg-verify, in the pipeline", "pg-verify - <done >/dev/null"),
        ("pg-verify, both sides", "pg-verify --quiet >/dev/null"),
    ],
    answer: "",
};

/// The same, by PostgreSQL's own tools.
pub(crate) const DUMP: Way = Way {
    name: "pg_dump -Fd, pg_restore, vacuumdb -z",
    needs: "pg_restore",
    before: "",
    run: "pg_dump -Fd -Z0 -j2 -f dump -d \"$SRC\" && pg_restore -j2 -d \"$DST\" dump && vacuumdb -q -z -j2 -d \"$DST\"",
    then: &[],
    answer: "",
};

/// The same by pgcopydb, whatever its version.
pub(crate) const PGCOPYDB: Way = Way {
    name: "pgcopydb",
    needs: "pgcopydb",
    before: "",
    run: "pgcopydb clone --source \"$SRC\" --target \"$DST\" --dir copydb --table-jobs 2 --index-jobs 2 --split-tables-larger-than 128MB",
    then: &[],
    answer: "",
};

/// Rows alone, into tables that are there, without keys and indexes.
pub(crate) const COPY: Way = Way {
    name: "pg-copy",
    needs: "pg-copy",
    before: "pg-schema-dump | pg-schema-apply --section pre-data - >plan",
    run: "pg-copy plan >done",
    then: &[],
    answer: "",
};

/// The same over one connection, as psql has it.
const COPY_ONE: Way = Way {
    name: "pg-copy --jobs 1",
    run: "pg-copy --jobs 1 plan >done",
    ..COPY
};

/// The same by psql, one table after the other.
pub(crate) const PSQL: Way = Way {
    name: "psql | psql",
    needs: "psql",
    before: "pg_dump -d \"$SRC\" --section=pre-data | psql -Xqd \"$DST\" -v ON_ERROR_STOP=1 >/dev/null
        psql -XAtd \"$SRC\" -c \"select oid::regclass from pg_class where relkind = 'r' and oid >= 16384\" >tables",
    run: "while read -r t; do psql -Xqd \"$SRC\" -c \"copy $t to stdout\" | psql -Xqd \"$DST\" -c \"copy $t from stdin\" || exit; done <tables",
    then: &[],
    answer: "",
};

/// The same in COPY's binary format.
const PSQL_BINARY: Way = Way {
    name: "psql | psql, binary",
    run: "while read -r t; do psql -Xqd \"$SRC\" -c \"copy $t to stdout (format binary)\" | psql -Xqd \"$DST\" -c \"copy $t from stdin (format binary)\" || exit; done <tables",
    ..PSQL
};

/// The same by pg_dump, for many tables.
const DUMP_ROWS: Way = Way {
    name: "pg_dump -a | psql",
    needs: "pg_dump",
    before: "pg_dump -d \"$SRC\" --section=pre-data | psql -Xqd \"$DST\" -v ON_ERROR_STOP=1 >/dev/null",
    run: "pg_dump -a -d \"$SRC\" | psql -Xqd \"$DST\" -v ON_ERROR_STOP=1 >/dev/null",
    then: &[],
    answer: "",
};

/// All checks that read no rows; that some of them warn or fail is no matter, but each must be answered.
pub(crate) const VALIDATE: Way = Way {
    name: "pg-validate",
    needs: "pg-validate",
    before: "",
    run: "{ pg-validate --format ndjson >done || test $? -eq 1; } && grep -q '\"type\":\"end\"' done && ! grep 'could not be answered' done >&2",
    then: &[],
    answer: "",
};

/// The rows of one table.
pub(crate) const ROWS: Scenario = Scenario {
    name: "",
    title: "",
    sql: "",
    times: "1",
    work: Work::Rows,
    ways: &[COPY, PSQL],
};

/// Those that move everything.
const WHOLE: &[Way] = &[PIPELINE, DUMP, PGCOPYDB];

/// Scenarios; those of a group are run in turn.
pub(crate) const GROUPS: &[&[Scenario]] = &[
    &[Scenario {
        name: "mixed",
        title: "A whole database of mixed kind",
        sql: include_str!("sets/mixed.sql"),
        work: Work::Whole,
        ways: WHOLE,
        ..ROWS
    }],
    &[Scenario {
        name: "tpch",
        title: "A whole database as TPC-H has it",
        sql: include_str!("sets/tpch.sql"),
        work: Work::Whole,
        ways: WHOLE,
        ..ROWS
    }],
    &[Scenario {
        name: "tables",
        title: "A whole database of 5,000 tables of one row",
        sql: include_str!("sets/small_tables.sql"),
        work: Work::Whole,
        ways: WHOLE,
        ..ROWS
    }],
    &[Scenario {
        name: "large_objects",
        title: "A whole database of 20,000 large objects",
        sql: include_str!("sets/large_objects.sql"),
        work: Work::Whole,
        ways: WHOLE,
        ..ROWS
    }],
    &[
        Scenario {
            name: "large_table",
            title: "A whole database of one large table with six indexes",
            sql: include_str!("sets/large_table.sql"),
            work: Work::Whole,
            ways: WHOLE,
            ..ROWS
        },
        Scenario {
            name: "large_table_twice",
            title: "The same with twice the rows",
            sql: include_str!("sets/large_table.sql"),
            times: "2",
            work: Work::Whole,
            ways: &[PIPELINE],
        },
    ],
    &[Scenario {
        name: "mixed_table",
        title: "Rows of one table of mixed types",
        sql: include_str!("sets/mixed_table.sql"),
        ways: &[COPY, COPY_ONE, PSQL, PSQL_BINARY],
        ..ROWS
    }],
    &[Scenario {
        name: "narrow",
        title: "Rows of one narrow table",
        sql: include_str!("sets/narrow.sql"),
        ..ROWS
    }],
    &[Scenario {
        name: "skewed",
        title: "Rows of very unequal width, in a heap that is sparse at its end",
        sql: include_str!("sets/skewed.sql"),
        ..ROWS
    }],
    &[Scenario {
        name: "wide",
        title: "Rows of one wide table with documents",
        sql: include_str!("sets/wide.sql"),
        ..ROWS
    }],
    &[
        Scenario {
            name: "small_tables",
            title: "Rows of 5,000 tables of one row",
            sql: include_str!("sets/small_tables.sql"),
            ways: &[COPY, DUMP_ROWS],
            ..ROWS
        },
        Scenario {
            name: "small_table",
            title: "The row of one such table",
            sql: include_str!("sets/small_table.sql"),
            ways: &[COPY, DUMP_ROWS],
            ..ROWS
        },
    ],
    &[Scenario {
        name: "many_tables",
        title: "All checks that read no rows, of a database of 10,000 tables",
        sql: include_str!("sets/many_tables.sql"),
        work: Work::Look,
        ways: &[VALIDATE],
        ..ROWS
    }],
    compare::ACCOUNTS,
    compare::MIXED,
];
