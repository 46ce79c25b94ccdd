//! An object as the statements that make it, one or two: what has to run apart, because it
//! takes other locks or because its failure leaves the object standing, is a step of its own,
//! with a mark of its own in the ledger.

use pg_pipe::record::Object;

use crate::quoted::{split_at_word, statements};

/// Which of an object's steps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// Makes it.
    First,
    /// Completes it. Nothing waits for this one.
    Rest,
}

/// What a step does, as far as locks, memory and messages go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Builds an index.
    Build,
    /// Reads a table and the one that it refers to.
    Validate,
    /// Changes catalogs only, and others wait for it.
    Quick,
    /// Anything else.
    Any,
}

impl Work {
    /// Whether it reads whole tables, which takes time and memory.
    pub(crate) fn reads_tables(self) -> bool {
        matches!(self, Self::Build | Self::Validate)
    }
}

/// A step of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// Which one.
    pub(crate) part: Part,
    /// What it does.
    pub(crate) work: Work,
    /// The statement or statements.
    pub(crate) sql: String,
    /// What is made instead of a foreign key that the rows break.
    pub(crate) instead: Option<Instead>,
}

/// A foreign key as it can stand when the rows break it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instead {
    /// Adds it NOT VALID.
    pub(crate) add: String,
    /// Takes it away again.
    pub(crate) drop: String,
}

impl Step {
    /// Whether it builds an index of the usual kind, by sorting.
    pub(crate) fn sorts(&self) -> bool {
        let is_usual = self.sql.contains(" USING btree ") || !self.sql.contains(" USING ");
        self.work == Work::Build && is_usual
    }

    /// A foreign key at once, where VALIDATE would not complete it. `can_leave_open` as
    /// [`steps`] has it.
    pub(crate) fn whole_key(object: &Object, can_leave_open: bool) -> Self {
        let key = Key::read(&object.sql, can_leave_open);
        Self {
            instead: key.map(|key| Instead {
                add: key.add(),
                drop: key.alter("DROP"),
            }),
            ..first(Work::Any, object.sql.clone())
        }
    }
}

/// The steps of an object. `can_leave_open` says whether the target knows NOT VALID foreign
/// keys on partitioned tables.
pub(crate) fn steps(object: &Object, can_leave_open: bool) -> Vec<Step> {
    match object.kind.as_str() {
        "INDEX" => build(&object.sql),
        "FK CONSTRAINT" => {
            let key = Key::read(&object.sql, can_leave_open);
            key.map_or_else(|| whole(object, Work::Any), |key| key.steps())
        }
        "CONSTRAINT" if has_word(&object.sql, " USING INDEX ") => whole(object, Work::Quick),
        _ => whole(object, Work::Any),
    }
}

fn whole(object: &Object, work: Work) -> Vec<Step> {
    vec![first(work, object.sql.clone())]
}

fn first(work: Work, sql: String) -> Step {
    Step {
        part: Part::First,
        work,
        sql,
        instead: None,
    }
}

fn rest(work: Work, sql: String) -> Step {
    Step {
        part: Part::Rest,
        work,
        sql,
        instead: None,
    }
}

/// An index whose entry goes on with ALTER TABLE … CLUSTER ON or ALTER INDEX … SET STATISTICS
/// wants a stronger lock for that.
fn build(sql: &str) -> Vec<Step> {
    let all = statements(sql);
    let Some((create, more)) = all.split_first() else {
        return vec![first(Work::Build, sql.to_owned())];
    };
    let more: String = more.concat();
    let mut steps = vec![first(Work::Build, (*create).to_owned())];
    if !more.trim().is_empty() {
        steps.push(rest(Work::Any, more));
    }
    steps
}

/// A foreign key of one statement, that is valid, on a table that can have a NOT VALID one.
struct Key<'a> {
    statement: &'a str,
    table: &'a str,
    name: &'a str,
}

impl<'a> Key<'a> {
    fn read(sql: &'a str, can_leave_open: bool) -> Option<Self> {
        let statement = sql.trim().strip_suffix(';')?;
        let is_left_open =
            has_word(statement, " NOT VALID") || has_word(statement, " NOT ENFORCED");
        if is_left_open || statements(sql).len() != 1 {
            return None;
        }
        let named = statement.strip_prefix("ALTER TABLE ")?;
        let is_plain = named.starts_with("ONLY ");
        if !is_plain && !can_leave_open {
            return None;
        }
        let (table, after) = split_at_word(named, "ADD CONSTRAINT ")?;
        let (name, _) = split_at_word(after, " FOREIGN KEY ")?;
        Some(Self {
            statement,
            table: table.trim(),
            name,
        })
    }

    fn add(&self) -> String {
        format!("{} NOT VALID;\n", self.statement)
    }

    fn alter(&self, how: &str) -> String {
        format!(
            "ALTER TABLE {} {how} CONSTRAINT {};\n",
            self.table, self.name
        )
    }

    fn steps(&self) -> Vec<Step> {
        vec![
            first(Work::Quick, self.add()),
            rest(Work::Validate, self.alter("VALIDATE")),
        ]
    }
}

/// Whether a word stands outside of quotes.
fn has_word(sql: &str, word: &str) -> bool {
    split_at_word(sql, word).is_some()
}

#[cfg(test)]
mod tests {
    use pg_pipe::record::Section;

    use super::*;

    fn object(kind: &str, sql: &str) -> Object {
        Object {
            id: 1,
            kind: kind.to_owned(),
            schema: None,
            name: String::new(),
            owner: None,
            section: Section::PostData,
            access_method: None,
            tablespace: None,
            version: None,
            sql: sql.to_owned(),
            depends_on: Vec::new(),
        }
    }

    #[test]
    fn a_foreign_key_is_added_and_then_validated() {
        let sql = "ALTER TABLE ONLY s.\"t ADD CONSTRAINT x\"\n    ADD CONSTRAINT \"a NOT VALID\" \
                   FOREIGN KEY (a) REFERENCES s.u(b) DEFERRABLE;\n\n";
        let steps = steps(&object("FK CONSTRAINT", sql), false);
        assert_eq!(
            steps,
            [
                first(
                    Work::Quick,
                    "ALTER TABLE ONLY s.\"t ADD CONSTRAINT x\"\n    ADD CONSTRAINT \"a NOT VALID\" \
                     FOREIGN KEY (a) REFERENCES s.u(b) DEFERRABLE NOT VALID;\n"
                        .to_owned()
                ),
                rest(
                    Work::Validate,
                    "ALTER TABLE ONLY s.\"t ADD CONSTRAINT x\" VALIDATE CONSTRAINT \"a NOT VALID\";\n"
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_foreign_key_that_must_be_or_is_as_it_is_stays_one_step() {
        let open =
            "ALTER TABLE ONLY t ADD CONSTRAINT a FOREIGN KEY (a) REFERENCES u(b) NOT VALID;\n";
        assert_eq!(steps(&object("FK CONSTRAINT", open), true).len(), 1);
        let parent = "ALTER TABLE t ADD CONSTRAINT a FOREIGN KEY (a) REFERENCES u(b);\n";
        assert_eq!(steps(&object("FK CONSTRAINT", parent), false).len(), 1);
        assert_eq!(steps(&object("FK CONSTRAINT", parent), true).len(), 2);
    }

    #[test]
    fn an_index_is_built_apart_from_what_its_entry_adds() {
        let sql = "CREATE INDEX \"i;\" ON t (a);\n\nALTER TABLE t CLUSTER ON \"i;\";\n";
        let steps = steps(&object("INDEX", sql), true);
        assert_eq!(steps[0].sql, "CREATE INDEX \"i;\" ON t (a);\n\n");
        assert_eq!(steps[0].work, Work::Build);
        assert_eq!(steps[1].sql, "ALTER TABLE t CLUSTER ON \"i;\";\n");
        assert_eq!(steps[1].part, Part::Rest);
    }
}
