//! Objects of every kind, one by one: definition, owner and grants on both sides, as
//! pg-schema-dump, run as a child for each, writes them.

mod child;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use anyhow::Context as _;
use pg_pipe::record::{Object, Record, RoleObject, Verdict, Verified, VerifiedKind};
use pg_pipe::{Context, Failure};
use pg_session::Endpoint;

use crate::scope::Scope;
use crate::sides::Sides;
use crate::tally::Tally;

/// What an object is called: kind, schema, name.
type Name = (String, String, String);

/// Everything that one side has of one name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Definition {
    /// Statements, in an order of their own.
    statements: Vec<String>,
    /// Owners.
    owners: BTreeSet<String>,
    /// Version, of an extension.
    version: Option<String>,
}

type Inventory = BTreeMap<Name, Definition>;

/// Compares the objects of both sides, and tells each that differs; gives how many there are.
///
/// # Errors
/// When a child cannot be run, or a server is not read.
pub(crate) fn compare(
    scope: &Scope,
    sides: &Sides,
    context: &Context,
    tally: &mut Tally<'_>,
) -> anyhow::Result<u64> {
    let Some(source) = &sides.source else {
        return Err(
            Failure::usage("objects are compared on both sides, and no source is given")
                .hint("Give --source, or $PGMIG_SOURCE.")
                .into(),
        );
    };
    let flags = scope.dump_flags();
    let dump = |endpoint: Endpoint| {
        let records = child::run(&endpoint, &flags, context)
            .with_context(|| format!("cannot list the objects of the {}", endpoint.role()))?;
        Ok::<_, anyhow::Error>(inventory(records, endpoint.database()))
    };
    let (there, here) = (source.endpoint().clone(), sides.target.endpoint().clone());
    let (source_objects, target_objects) = thread::scope(|scope| {
        let there = scope.spawn(|| dump(there));
        let here = dump(here);
        let there = there
            .join()
            .unwrap_or_else(|_| Err(Failure::bug("a listing thread panicked").into()));
        Ok::<_, anyhow::Error>((there?, here?))
    })?;
    let same_major = source.facts().version.major() == sides.target.facts().version.major();
    let names: BTreeSet<&Name> = source_objects.keys().chain(target_objects.keys()).collect();
    for name in &names {
        let (there, here) = (source_objects.get(*name), target_objects.get(*name));
        tell_version(name, there, here, context);
        if let Some((verdict, message)) = judge(there, here, same_major) {
            let shown = shown(name);
            context.notice().warn(&match verdict {
                Verdict::Missing | Verdict::Extra => format!("{shown} is {message}"),
                Verdict::Unverified => format!("{shown} is not verified: {message}"),
                _ => format!("{shown}: {message}"),
            });
            tally.add_record(verified(name, verdict, message), Vec::new());
        }
    }
    Ok(u64::try_from(names.len()).unwrap_or(u64::MAX))
}

/// A newer version of an extension is no difference, but worth a word.
fn tell_version(
    name: &Name,
    there: Option<&Definition>,
    here: Option<&Definition>,
    context: &Context,
) {
    if let (Some(there), Some(here)) = (there, here)
        && there.version != here.version
    {
        let version = |one: &Definition| one.version.clone().unwrap_or_default();
        context.notice().warn(&format!(
            "{} is version {} on the source, {} on the target",
            shown(name),
            version(there),
            version(here)
        ));
    }
}

fn judge(
    there: Option<&Definition>,
    here: Option<&Definition>,
    same_major: bool,
) -> Option<(Verdict, String)> {
    let (there, here) = match (there, here) {
        (Some(there), Some(here)) => (there, here),
        (Some(_), None) => return Some((Verdict::Missing, "only on the source".to_owned())),
        (None, Some(_)) => return Some((Verdict::Extra, "only on the target".to_owned())),
        (None, None) => return None,
    };
    if there.owners != here.owners {
        let list =
            |owners: &BTreeSet<String>| owners.iter().cloned().collect::<Vec<_>>().join(", ");
        let message = format!(
            "the owner is {} on the source, {} on the target",
            list(&there.owners),
            list(&here.owners)
        );
        return Some((Verdict::Mismatch, message));
    }
    let difference = wording::difference(&there.statements, &here.statements)?;
    // Each server writes definitions in its own words, so that between versions words prove
    // nothing.
    Some(if same_major {
        (
            Verdict::Mismatch,
            format!("definitions differ: {difference}"),
        )
    } else {
        let message = format!(
            "definitions differ, perhaps only in how the two versions write them: {difference}"
        );
        (Verdict::Unverified, message)
    })
}

fn inventory(records: Vec<Record>, database: &str) -> Inventory {
    let mut inventory = Inventory::new();
    for record in records {
        match record {
            Record::Object(object) => add(&mut inventory, object, database),
            Record::Role(role) => {
                let name = ("ROLE".to_owned(), String::new(), role.name.clone());
                inventory.entry(name).or_default().statements = statements_of(&role);
            }
            _ => {}
        }
    }
    for definition in inventory.values_mut() {
        definition.statements.sort_unstable();
    }
    inventory
}

fn add(inventory: &mut Inventory, object: Object, database: &str) {
    let is_of_database =
        object.kind.starts_with("DATABASE") || object.name.starts_with("DATABASE ");
    let (name, sql) = if is_of_database {
        (
            wording::without_database(&object.name, database),
            wording::without_database(&object.sql, database),
        )
    } else {
        (object.name, object.sql)
    };
    let schema = object.schema.unwrap_or_default();
    let own = inventory.entry((object.kind, schema, name)).or_default();
    own.statements.extend(wording::statements(&sql));
    own.owners.extend(object.owner);
    for (what, value) in [
        ("access method", object.access_method),
        ("tablespace", object.tablespace),
    ] {
        own.statements
            .extend(value.map(|value| format!("{what} {value}")));
    }
    own.version = object.version.or(own.version.take());
}

fn statements_of(role: &RoleObject) -> Vec<String> {
    let attributes = role.attributes.iter().cloned();
    let settings = role.settings.iter().cloned();
    let groups = role.member_of.iter().map(|one| {
        let admin = if one.admin { " with admin option" } else { "" };
        format!("member of {}{admin}", one.role)
    });
    attributes.chain(settings).chain(groups).collect()
}

fn shown((kind, schema, name): &Name) -> String {
    if schema.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {schema}.{name}")
    }
}

fn verified((kind, schema, name): &Name, verdict: Verdict, message: String) -> Verified {
    Verified {
        kind: VerifiedKind::Object,
        schema: schema.clone(),
        name: format!("{kind} {name}"),
        verdict,
        source_rows: None,
        target_rows: None,
        source_checksum: None,
        target_checksum: None,
        source_method: None,
        target_method: None,
        message: Some(message),
        missing: None,
        extra: None,
        changed: None,
        more: false,
        keys: Vec::new(),
        condition: None,
        milliseconds: 0,
        bytes_per_second: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(statements: &[&str], owner: &str) -> Definition {
        Definition {
            statements: statements.iter().map(|one| (*one).to_owned()).collect(),
            owners: BTreeSet::from([owner.to_owned()]),
            version: None,
        }
    }

    #[test]
    fn words_prove_nothing_between_versions_and_owners_do() {
        let one = definition(&["create view v as select 1"], "a");
        let other = definition(&["create view v as select 2"], "a");
        let verdict = |there, here, same| judge(there, here, same).map(|(verdict, _)| verdict);
        assert_eq!(verdict(Some(&one), Some(&one), true), None);
        assert_eq!(
            verdict(Some(&one), Some(&other), true),
            Some(Verdict::Mismatch)
        );
        assert_eq!(
            verdict(Some(&one), Some(&other), false),
            Some(Verdict::Unverified)
        );
        let owned = definition(&["create view v as select 1"], "b");
        assert_eq!(
            verdict(Some(&one), Some(&owned), false),
            Some(Verdict::Mismatch)
        );
        assert_eq!(verdict(Some(&one), None, true), Some(Verdict::Missing));
        assert_eq!(verdict(None, Some(&one), true), Some(Verdict::Extra));
    }
}
