//! The planner's statistics as pg_dump 18 writes them, for a target that can restore them:
//! the very last, when tables, indexes and refreshed views are there.

use std::collections::BTreeMap;

use pg_pipe::record::Object;

/// pg_dump's word for them.
pub(crate) const KIND: &str = "STATISTICS DATA";

/// Takes the statistics out.
pub(crate) fn take(objects: &mut Vec<Object>) -> Vec<Object> {
    let (statistics, rest) = objects.drain(..).partition(|object| object.kind == KIND);
    *objects = rest;
    statistics
}

/// Appends statistics, each of which waits for its relation. pg_dump names indexes of
/// constraints, too, which are no entries of their own in its archive.
pub(crate) fn append(objects: &mut Vec<Object>, statistics: Vec<Object>) {
    let mut relations: BTreeMap<(Option<String>, String), Vec<i64>> = BTreeMap::new();
    for object in objects.iter() {
        if !statistics.is_empty()
            && matches!(
                object.kind.as_str(),
                "TABLE" | "INDEX" | "MATERIALIZED VIEW" | "FOREIGN TABLE" | "REFRESH"
            )
        {
            let name = (object.schema.clone(), object.name.clone());
            relations.entry(name).or_default().push(object.id);
        }
    }
    for mut object in statistics {
        let name = (object.schema.clone(), object.name.clone());
        for id in relations.remove(&name).unwrap_or_default() {
            if !object.depends_on.contains(&id) {
                object.depends_on.push(id);
            }
        }
        objects.push(object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::Section;

    fn object(id: i64, kind: &str, name: &str) -> Object {
        Object {
            id,
            kind: kind.to_owned(),
            schema: Some("s".to_owned()),
            name: name.to_owned(),
            owner: None,
            section: Section::Final,
            access_method: None,
            tablespace: None,
            version: None,
            sql: String::new(),
            depends_on: if kind == KIND { vec![1] } else { Vec::new() },
        }
    }

    #[test]
    fn statistics_come_last_and_wait_for_what_they_are_about() {
        let mut objects = vec![
            object(1, "TABLE", "t"),
            object(2, KIND, "t"),
            object(3, KIND, "m"),
            object(4, "MATERIALIZED VIEW", "m"),
            object(5, "COMMENT", "t"),
        ];
        let statistics = take(&mut objects);
        objects.push(object(6, "REFRESH", "m"));
        append(&mut objects, statistics);
        let ids: Vec<i64> = objects.iter().map(|object| object.id).collect();
        assert_eq!(ids, [1, 4, 5, 6, 2, 3]);
        assert_eq!(objects[4].depends_on, [1]);
        assert_eq!(objects[5].depends_on, [1, 4, 6]);
    }
}
