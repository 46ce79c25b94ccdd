//! Values of every type whose rows are hashed in the client: the literals, and computed ones.

use crate::literals::LITERALS;

/// A type and its values, as SQL writes both.
pub(crate) struct Kind {
    /// The type, as a column is declared.
    pub(crate) data_type: &'static str,
    /// Expressions.
    pub(crate) values: Vec<String>,
}

/// The types that a major has, with values.
pub(crate) fn of_major(major: u32) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (data_type, since, literals) in LITERALS {
        if *since > major {
            continue;
        }
        let quoted = literals
            .iter()
            .map(|value| pg_session::quote::literal(value));
        match kinds.iter_mut().find(|kind| kind.data_type == *data_type) {
            Some(kind) => kind.values.extend(quoted),
            None => kinds.push(Kind {
                data_type,
                values: quoted.collect(),
            }),
        }
    }
    for kind in &mut kinds {
        kind.values.extend(more(kind.data_type));
    }
    kinds
}

/// Values of every length up to some blocks of 12 bytes, long ones, computed ones.
fn more(data_type: &str) -> Vec<String> {
    let lengths = |what: &str| -> Vec<String> {
        let long = [63, 64, 65, 2_000, 70_000, 1_000_003];
        (1..50)
            .chain(long)
            .map(|length| what.replace('#', &length.to_string()))
            .collect()
    };
    match data_type {
        "text" => lengths("repeat('é', # / 2) || repeat('x', # % 2)"),
        "character varying" => lengths("repeat('x', #)"),
        "bytea" => {
            let mut values = lengths("decode(repeat('f00d', #), 'hex')");
            // More than the room that is kept between rows, and a row after it.
            values.push("decode(repeat('ab', 9000000), 'hex')".to_owned());
            values.push("''".to_owned());
            values
        }
        "numeric" => lengths("(repeat('9', # % 1000 + 1) || '.' || repeat('7', # % 300))::numeric"),
        "bit varying" => lengths("repeat('1', #)::varbit"),
        "jsonb" => lengths("jsonb_build_object(repeat('k', # % 1000), repeat('v', #))"),
        // On x86 the result has its sign bit set.
        "real" | "double precision" => vec![format!("'inf'::{data_type} - 'inf'::{data_type}")],
        _ => Vec::new(),
    }
}
