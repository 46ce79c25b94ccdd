//! Comparisons of two databases that are made once: the ways, and what they compare.

use crate::scenario::{ROWS, Scenario, Way, Work};

/// Ours. Its answer is of rows only where it said of the table that it is equal, or that it is not.
pub(crate) const VERIFY: Way = Way {
    name: "pg-verify",
    needs: "pg-verify",
    before: "",
    run: "pg-verify --format ndjson >answer || test $? = 1",
    then: &[],
    answer: r#"grep -q '"status":"\(equal\|different\)","matched":[01],"mismatched":[01],"unverified":0' answer &&
        sed -n 's/.*"type":"difference".*"key":{"[a-z]*":"\([0-9]*\)"}.*/\1/p' answer"#,
};

/// The cheapest sound checksum of a table's rows by psql: a query a side, no rows named.
pub(crate) const CHECKSUM: Way = Way {
    name: "psql, a checksum a side",
    needs: "psql",
    before: "",
    run: "",
    then: &[],
    answer: "test -s source && diff source target",
};

/// Names both servers for reladiff, which takes no connection strings with directories.
const SERVERS: &str = r#"server() {
        eval "$2"
        printf '[database.%s]\ndriver = "postgresql"\nhost = "%s"\nport = %s\nuser = "%s"\npassword = ""\ndatabase = "%s"\n' "$1" "$host" "$port" "$user" "$dbname"
    }
    { server source "$SRC"; server target "$DST"; } >servers.toml"#;

/// It ends with 0 whatever happens: only what it leaves on its standard error tells an error from an answer.
pub(crate) const RELADIFF: Way = Way {
    name: "reladiff",
    needs: "reladiff",
    before: SERVERS,
    run: "",
    then: &[],
    answer: "! grep -qv ' WARNING - ' errors && sed -n 's/^[-+] \\([0-9]*\\),.*/\\1/p' found | sort -u",
};

/// With the functions in C that it brings, and the flags that make it fastest.
pub(crate) const COMPARATOR: Way = Way {
    name: "pg_comparator",
    needs: "pg_comparator",
    before: "for d in \"$SRC\" \"$DST\"; do psql -Xqd \"$d\" -c 'set client_min_messages = error; create extension if not exists pgcmp' || exit; done",
    run: "",
    then: &[],
    answer: "sed -n 's/^[A-Z]* \\([0-9]*\\)$/\\1/p' found",
};

/// It says of tables whether they are equal, and names no rows. Versions before 0.14 have no such command.
const COPYDB: Way = Way {
    name: "pgcopydb compare data",
    needs: "pgcopydb",
    before: "",
    run: "pgcopydb compare data --source \"$SRC\" --target \"$DST\" --dir copydb >answer || { echo 'this version has no compare, or it failed' >&2; exit 1; }",
    then: &[],
    answer: "test -s answer",
};

const ACCOUNTS_CHECKSUM: Way = Way {
    run: r#"sum() { psql -XAtd "$1" -c 'set jit = off; set max_parallel_workers_per_gather = 0' -c 'select count(*), sum(hash_array_extended(array[record_send(row(abalance, aid, bid, filler))], 1)) from pgbench_accounts'; }
    sum "$SRC" >source & sum "$DST" >target && wait $!"#,
    ..CHECKSUM
};

const ACCOUNTS_RELADIFF: Way = Way {
    run: "reladiff toml://servers.toml#source pgbench_accounts toml://servers.toml#target pgbench_accounts -k aid -c bid -c abalance -c filler -j 2 >found 2>errors",
    ..RELADIFF
};

const ACCOUNTS_COMPARATOR: Way = Way {
    run: r#"dbi() { echo "DBI:Pg:$1" | tr ' ' ';'; }
    pg_comparator --use-key --max-levels=2 -1 "$(dbi "$SRC")" -2 "$(dbi "$DST")" 'pgsql://postgres@/d/pgbench_accounts?aid:bid,abalance,filler' postgres@/d >found"#,
    ..COMPARATOR
};

const MIXED_CHECKSUM: Way = Way {
    run: r#"sum() { psql -XAtd "$1" -c 'set jit = off; set max_parallel_workers_per_gather = 0' -c "select count(*), sum(hash_array_extended(array[record_send(row(at, attributes, id, key, note, price, case when ratio = 'NaN' then 'NaN' else ratio end))], 1)) from mixed"; }
    sum "$SRC" >source & sum "$DST" >target && wait $!"#,
    ..CHECKSUM
};

const MIXED_RELADIFF: Way = Way {
    run: "reladiff toml://servers.toml#source mixed toml://servers.toml#target mixed -k id -c at -c price -c ratio -c note -c attributes -c key -j 2 >found 2>errors",
    ..RELADIFF
};

const MIXED_COMPARATOR: Way = Way {
    run: r#"dbi() { echo "DBI:Pg:$1" | tr ' ' ';'; }
    pg_comparator --pg-text-cast --use-key --max-levels=2 -1 "$(dbi "$SRC")" -2 "$(dbi "$DST")" 'pgsql://postgres@/d/mixed?id:at,price,ratio,note,attributes,key' postgres@/d >found"#,
    ..COMPARATOR
};

/// A comparison of two equal tables.
const EQUAL: Scenario = Scenario {
    work: Work::Compare {
        changes: "",
        differing: "select 1 where false",
    },
    ..ROWS
};

/// Ten million rows, equal and not. What names rows is asked for them.
pub(crate) const ACCOUNTS: &[Scenario] = &[
    Scenario {
        name: "accounts",
        title: "Comparing pgbench_accounts, ten million rows, equal",
        sql: include_str!("sets/accounts.sql"),
        ways: &[VERIFY, ACCOUNTS_CHECKSUM, COPYDB],
        ..EQUAL
    },
    Scenario {
        name: "accounts_differ",
        title: "Comparing pgbench_accounts, ten of ten million rows different",
        sql: include_str!("sets/accounts.sql"),
        work: Work::Compare {
            changes: include_str!("sets/accounts_changed.sql"),
            differing:
                "select i * (n / 11) + case when i > 8 then n else 0 end
                from (select max(aid) as n from pgbench_accounts) as m, generate_series(1, 10) as i",
        },
        ways: &[VERIFY, ACCOUNTS_COMPARATOR, ACCOUNTS_RELADIFF],
        ..EQUAL
    },
];

/// Mixed types, with a key, since there is no row to name without one.
pub(crate) const MIXED: &[Scenario] = &[Scenario {
    name: "mixed_compared",
    title: "Comparing a table of mixed types, two million rows, equal",
    sql: concat!(
        include_str!("sets/mixed_table.sql"),
        "alter table mixed add primary key (id);\n"
    ),
    ways: &[
        VERIFY,
        MIXED_CHECKSUM,
        MIXED_COMPARATOR,
        MIXED_RELADIFF,
        COPYDB,
    ],
    ..EQUAL
}];
