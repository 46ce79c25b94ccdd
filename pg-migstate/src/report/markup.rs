//! Text in markup. Names come from servers and may hold anything.

use pg_pipe::shown::acts;

/// Text as markup takes it, in elements and in quoted attributes. Characters that XML forbids
/// are shown as escapes, and so are those that turn the order of what stands there.
pub(super) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            // XML 1.0, 2.2 Characters.
            '\u{FFFE}' | '\u{FFFF}' => safe.extend(character.escape_default()),
            _ if acts(character) => safe.extend(character.escape_default()),
            _ => safe.push(character),
        }
    }
    safe
}

/// A row of cells.
pub(super) fn row(tag: &str, cells: &[&str]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("<{tag}>{}</{tag}>", text(cell)))
        .collect();
    let cells = cells.concat();
    format!("<tr>{cells}</tr>\n")
}

/// A table, or a word where it would be empty.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    let body: String = rows
        .iter()
        .map(|cells| row("td", &cells.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    format!(
        "<div class=\"wide\"><table>\n{}{body}</table></div>\n",
        row("th", head)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        let hostile = "<script>alert(\"&'\u{1b}\u{0}\u{202e}\u{FFFF}\")</script>";
        let safe = text(hostile);
        for forbidden in [
            '<', '>', '"', '\'', '\u{1b}', '\u{0}', '\u{202e}', '\u{FFFF}',
        ] {
            assert!(!safe.contains(forbidden), "{safe}");
        }
        assert_eq!(text("a & b"), "a &amp; b");
        assert!(table(&["x"], &[vec![hostile.to_owned()]]).contains("&lt;script&gt;"));
    }
}
