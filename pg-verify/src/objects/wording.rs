//! Definitions as texts: what of them counts.

use pg_session::quote;

/// Characters of a line that are shown.
const SHOWN: usize = 200;

/// The statements of an object, in an order of their own: grants have none.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let is_list = [
        "GRANT ",
        "REVOKE ",
        "ALTER DATABASE ",
        "ALTER DEFAULT PRIVILEGES ",
    ]
    .iter()
    .any(|start| sql.trim_start().starts_with(start));
    let parts: Vec<&str> = if is_list {
        sql.split(";\n").collect()
    } else {
        vec![sql]
    };
    let mut statements: Vec<String> = parts
        .into_iter()
        .map(|part| part.trim().trim_end_matches(';').to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    statements.sort_unstable();
    statements
}

/// A text without the database's own name, which differs between the sides.
pub(super) fn without_database(text: &str, database: &str) -> String {
    text.replace(&quote::identifier(database), "DATABASE_NAME")
        .replace(&quote::shown(database), "DATABASE_NAME")
        .replace(database, "DATABASE_NAME")
}

/// The first line that is another one, of both sides; `None` when all are alike.
pub(super) fn difference(source: &[String], target: &[String]) -> Option<String> {
    if source == target {
        return None;
    }
    let lines = |statements: &[String]| -> Vec<String> {
        let lines = statements.iter().flat_map(|one| one.lines());
        lines.map(|line| line.trim().to_owned()).collect()
    };
    let (there, here) = (lines(source), lines(target));
    let all = there.len().max(here.len());
    let at = (0..all).find(|at| there.get(*at) != here.get(*at));
    let shown = |lines: &[String]| {
        let line = at.and_then(|at| lines.get(at));
        line.map_or_else(
            || "nothing".to_owned(),
            |line| line.chars().take(SHOWN).collect(),
        )
    };
    Some(format!(
        "«{}» on the source, «{}» on the target",
        shown(&there),
        shown(&here)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_have_no_order_and_functions_are_not_taken_apart() {
        let one = statements("GRANT a TO b;\nGRANT c TO d;\n");
        assert_eq!(one, statements("GRANT c TO d;\nGRANT a TO b;"));
        let body = "CREATE FUNCTION f() AS $$ a;\nb; $$;";
        assert_eq!(statements(body).len(), 1);
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let of = |text: &str| vec![text.to_owned()];
        assert_eq!(difference(&of("a\nb"), &of("a\nb")), None);
        assert_eq!(
            difference(&of("a\nb\nc"), &of("a\nx\nc")).unwrap(),
            "«b» on the source, «x» on the target"
        );
        assert!(
            difference(&of("a"), &of("a\nb"))
                .unwrap()
                .contains("«nothing»")
        );
    }
}
