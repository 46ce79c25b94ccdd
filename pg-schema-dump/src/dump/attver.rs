//! `pg_attver`, an option that servers of the generation of 15.20 and 17.12 keep in
//! `pg_attribute.attoptions`. It is theirs, not the schema's: their own pg_dump leaves it
//! out, every older or higher one writes it, and a target that does not know it refuses the
//! whole table.

use crate::quoted::statements;

const OPTION: &str = "pg_attver=";

/// The SQL without the option, and without the statements that would set nothing else.
pub(crate) fn removed(sql: &str) -> String {
    if !sql.contains(OPTION) {
        return sql.to_owned();
    }
    statements(sql)
        .into_iter()
        .filter_map(without_option)
        .collect()
}

fn without_option(statement: &str) -> Option<String> {
    let is_alter = statement.starts_with("ALTER ") && statement.contains(" ALTER COLUMN ");
    let Some((before, list)) = statement.rsplit_once(" SET (").filter(|_| is_alter) else {
        return Some(statement.to_owned());
    };
    let Some((options, after)) = list.split_once(')') else {
        return Some(statement.to_owned());
    };
    let kept: Vec<&str> = options
        .split(", ")
        .filter(|option| !option.starts_with(OPTION))
        .collect();
    if kept.is_empty() {
        return None;
    }
    Some(format!("{before} SET ({}){after}", kept.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_goes_and_others_stay() {
        let sql = "CREATE TABLE s.t (\n    \"c\nd\" text DEFAULT 'x SET (pg_attver=1);'\n);\n\
                   ALTER TABLE ONLY s.t ALTER COLUMN \"c\nd\" SET (pg_attver=7);\n\
                   ALTER TABLE ONLY s.t ALTER COLUMN e SET (pg_attver=7, n_distinct=4);\n";
        assert_eq!(
            removed(sql),
            "CREATE TABLE s.t (\n    \"c\nd\" text DEFAULT 'x SET (pg_attver=1);'\n);\n\
             ALTER TABLE ONLY s.t ALTER COLUMN e SET (n_distinct=4);\n"
        );
    }

    #[test]
    fn sql_without_it_is_not_touched() {
        let sql = "ALTER TABLE ONLY s.t ALTER COLUMN e SET (n_distinct=4);\n$$;$$";
        assert_eq!(removed(sql), sql);
    }
}
