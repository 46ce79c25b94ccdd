//! Server parameters that the source has set, and the target has not: with the statement, or the
//! command line of Azure, that carries them over.

use std::collections::BTreeMap;

use anyhow::Context as _;
use pg_pipe::Context;
use pg_pipe::record::{Parameter, Record};
use pg_session::{Session, quote};

use crate::server::Server;
use crate::sides::Sides;

const PARAMETERS: &str = include_str!("sql/parameter_list.sql");

/// A parameter as a server has it.
struct Setting {
    value: String,
    is_set: bool,
    needs_restart: bool,
    is_list: bool,
}

/// Tells each parameter that the source has set to another value than the target has. The source
/// is `apart` where the rows were compared without it.
///
/// # Errors
/// What a server says.
pub(crate) fn compare(
    sides: &mut Sides,
    mut apart: Option<Server>,
    context: &Context,
) -> anyhow::Result<()> {
    let Some(source) = sides.source.as_mut().or(apart.as_mut()) else {
        context
            .notice()
            .note("server parameters are not compared: no source is given");
        return Ok(());
    };
    let there = read(source.session()).context("cannot read the parameters of the source")?;
    let here = read(sides.target.session()).context("cannot read the parameters of the target")?;
    for (name, setting) in there {
        let target = here.get(&name);
        let is_same = target.is_some_and(|target| target.value == setting.value);
        if setting.is_set && !is_same {
            context.write(Record::Parameter(record(name, setting, target)));
        }
    }
    Ok(())
}

fn read(session: &mut Session) -> anyhow::Result<BTreeMap<String, Setting>> {
    let rows = session.query(PARAMETERS, &[])?;
    Ok(rows
        .iter()
        .map(|row| {
            let setting = Setting {
                value: row.get("value"),
                is_set: row.get("is_set"),
                needs_restart: row.get("needs_restart"),
                is_list: row.get("is_list"),
            };
            (row.get("name"), setting)
        })
        .collect())
}

fn record(name: String, source: Setting, target: Option<&Setting>) -> Parameter {
    let statement = format!(
        "ALTER SYSTEM SET {} = {};",
        quote::identifier(&name),
        value(&source)
    );
    let azure = format!(
        "az postgres flexible-server parameter set --resource-group \"$GROUP\" --server-name \"$SERVER\" --name {name} --value {}",
        word(&source.value)
    );
    // What the target does not know cannot be set there.
    Parameter {
        statement: target.map(|_| statement),
        azure: target.map(|_| azure),
        target: target.map(|target| target.value.clone()),
        restart: source.needs_restart,
        source: source.value,
        name,
    }
}

/// Lists are lists of literals: one literal would be one name with a comma in it.
fn value(setting: &Setting) -> String {
    if !setting.is_list {
        return quote::literal(&setting.value).trim_start().to_owned();
    }
    let names: Vec<String> = names(&setting.value)
        .iter()
        .map(|name| quote::literal(name).trim_start().to_owned())
        .collect();
    if names.is_empty() {
        return "''".to_owned();
    }
    names.join(", ")
}

/// The names of a list, as the server reads it: quotes keep commas.
fn names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut is_quoted = false;
    let mut characters = list.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => names.push(std::mem::take(&mut name)),
            _ if c.is_whitespace() && !is_quoted => {}
            _ => name.push(c),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

/// One word for the shell.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(value: &str, is_list: bool) -> Setting {
        Setting {
            value: value.to_owned(),
            is_set: true,
            needs_restart: false,
            is_list,
        }
    }

    #[test]
    fn values_are_quoted_for_sql_and_for_the_shell() {
        assert_eq!(value(&setting("a, \"b, c\"", true)), "'a', 'b, c'");
        assert_eq!(value(&setting("it's, 1", false)), "'it''s, 1'");
        let record = record(
            "x".to_owned(),
            setting("it's", false),
            Some(&setting("1", false)),
        );
        assert_eq!(
            record.statement.unwrap(),
            "ALTER SYSTEM SET \"x\" = 'it''s';"
        );
        assert!(
            record
                .azure
                .unwrap()
                .ends_with("--name x --value 'it'\\''s'")
        );
    }

    #[test]
    fn what_the_target_does_not_know_has_no_statement() {
        let record = record("x".to_owned(), setting("1", false), None);
        assert_eq!(
            (record.statement, record.azure, record.target),
            (None, None, None)
        );
    }
}
