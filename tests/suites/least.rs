//! The least privileges, as docs/security.md has them: the whole pipeline with exactly these.

use pg_e2e::database::identifier;
use pg_e2e::pipeline::Joined;
use pg_e2e::{Database, Majors, Pair, Pipeline, Tool, workspace};
use tempfile::TempDir;

use crate::scene::{READERS, Scene};

/// Of every kind that a plain role may have.
const SHOP: &str = "
    create schema sales;
    create type sales.state as enum ('open', 'paid');
    create table sales.orders (id bigint generated always as identity primary key,
        state sales.state not null, note text, unique (note));
    create table sales.lines (id serial primary key, orders bigint references sales.orders, n integer check (n > 0));
    insert into sales.orders (state, note) select 'open', 'n' || n from generate_series(1, 500) n;
    insert into sales.lines (orders, n) select n, n from generate_series(1, 500) n;
    create index on sales.lines (n);
    create view sales.paid as select * from sales.orders where state = 'paid';
    create materialized view sales.counts as select count(*) from sales.lines;
    create function sales.double(integer) returns integer immutable language sql as 'select 2 * $1';
    create function sales.fired() returns trigger language plpgsql as $x$ begin return new; end $x$;
    create trigger fired before insert on sales.lines for each row execute procedure sales.fired();";

/// The statements of a block of docs/security.md, which begins with a comment of this kind.
fn documented(title: &str) -> String {
    let file = workspace().join("docs/security.md");
    let text = std::fs::read_to_string(file).expect("it is there");
    let block = text
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.starts_with(&format!("-- {title}")));
    block
        .unwrap_or_else(|| panic!("no block of SQL begins with {title}"))
        .to_owned()
}

/// The statements with the names that they have in this test.
fn granted(title: &str, database: &str, role: &str) -> String {
    documented(title)
        .replace("shop", &identifier(database))
        .replace("pgmig_source", role)
        .replace("pgmig_target", role)
}

/// Moves a database with the documented privileges and no others.
fn moves(pair: Pair, title: &str) {
    let tag = format!("{}_{}", pair.source, pair.target);
    let (owner, reader, writer) = (
        format!("least_owner_{tag}"),
        format!("least_source_{tag}"),
        format!("least_target_{tag}"),
    );
    let source = Database::create(pair.source(), &format!("least_{tag}"));
    let name = identifier(&source.name);
    source.run(&format!(
        "create role {owner}; alter database {name} owner to {owner};
         grant create on schema public to {owner}; set role {owner}; {SHOP} reset role;
         revoke connect, temporary on database {name} from public"
    ));
    source.run(&granted(title, &source.name, &reader));
    let target = source.twin(pair.target());
    target.drop_now();
    let admin = Database {
        cluster: pair.target(),
        name: "postgres".to_owned(),
    };
    admin.run(&granted("Target", &source.name, &writer));
    let scene = Scene {
        source,
        target,
        dir: TempDir::new().expect("a temporary directory can be made"),
    };
    let as_role =
        |conninfo: String, role: &str| conninfo.replace("user=postgres", &format!("user={role}"));
    let file = scene.migration_file(
        &format!("least-{}", pair.source),
        &as_role(scene.source.conninfo(), &reader),
        &as_role(scene.target.cluster.conninfo("postgres"), &writer),
    );
    let bare = |words: &[&str]| {
        Tool::new(words[0])
            .args(&words[1..])
            .env("PGMIG_STATE_DIR", scene.state_dir())
    };
    let mut tools = vec![bare(&["pg-migstate", "begin"]).arg(&file)];
    tools.extend(READERS.iter().map(|words| match words[0] {
        "pg-validate" => bare(&["pg-validate", "--rehearse", "-"]),
        _ => bare(words),
    }));
    let joined = Pipeline::of(tools).run();
    joined.succeeds();
    let name = format!("least-{}", pair.source);
    bare(&["pg-migstate", "finish", &name]).run().ends_with(0);
    schema_public_is_of_who_may_have_it(&scene, pair, &joined);
    scene.is_the_same_to_pg_dump();
}

/// Before 15 schema public belongs to the superuser of every server, to whom no role of ours
/// can give it. That is said, and is all that is left to a superuser.
fn schema_public_is_of_who_may_have_it(scene: &Scene, pair: Pair, joined: &Joined) {
    let stream = joined.last().stream_with(&["role"]);
    let refused: Vec<&str> = stream
        .of("applied")
        .filter(|one| one.text("status") == "refused")
        .map(|one| one.text("name"))
        .collect();
    let owner = "select nspowner::regrole from pg_namespace where nspname = 'public'";
    if pair.source >= 15 {
        assert!(refused.is_empty(), "{refused:?}");
        return;
    }
    assert_eq!(refused, ["SCHEMA public"]);
    assert_eq!(scene.source.ask_one(owner), "postgres");
    assert_eq!(scene.target.ask_one(owner), "pg_database_owner");
    let said: String = joined.parts.iter().map(|ran| ran.stderr.as_str()).collect();
    assert!(said.contains("ALTER SCHEMA \"public\" OWNER TO"), "{said}");
    scene.target.run("alter schema public owner to postgres");
}

#[test]
fn a_role_that_may_read_all_data_and_one_that_makes_databases_and_roles_are_enough() {
    moves(Pair::newest(), "Source, version 14 or newer");
}

#[test]
fn before_version_14_grants_on_schemas_tables_and_sequences_are_enough() {
    let target = Majors::newest();
    let old: Vec<u32> = Majors::probed()
        .range(..14)
        .map(|(major, _)| *major)
        .collect();
    if old.is_empty() {
        crate::scene::skip("no server before 14 is here");
    }
    for source in old {
        moves(Pair { source, target }, "Source, before version 14");
    }
}
