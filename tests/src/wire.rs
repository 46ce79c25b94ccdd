//! A second reading of the stream, written from the contract and not from the tools' code:
//! each line one JSON object with `type` first, no field that is not listed, each `begin`
//! with its `end`.

use serde_json::Value;

use crate::contract::KINDS;

/// Version of the format that this reading knows.
const FORMAT: i64 = 1;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The line as it was, without its newline.
    pub line: String,
    value: Value,
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// A field that holds text; empty when it is absent.
    pub fn text(&self, field: &str) -> &str {
        self.value
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A field that holds a whole number.
    #[track_caller]
    pub fn number(&self, field: &str) -> i64 {
        match self.value.get(field).and_then(Value::as_i64) {
            Some(number) => number,
            None => panic!("no number {field:?} in {}", self.line),
        }
    }

    /// Whether a field is true; an absent one is not.
    pub fn is(&self, field: &str) -> bool {
        self.value.get(field).and_then(Value::as_bool) == Some(true)
    }

    /// Any field.
    pub fn field(&self, field: &str) -> Option<&Value> {
        self.value.get(field)
    }

    /// Schema and name, of records about a relation.
    pub fn relation(&self) -> String {
        let name = if self.kind() == "copied" || self.kind() == "chunk" {
            self.text("table")
        } else {
            self.text("name")
        };
        format!("{}.{name}", self.text("schema"))
    }
}

/// A stream that keeps to the contract.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its records in order.
    pub records: Vec<Record>,
}

impl Stream {
    /// Reads a whole stream; `foreign` are kinds that the contract does not have.
    ///
    /// # Errors
    /// What breaks the contract, with the line's number.
    pub fn decode(bytes: &[u8], foreign: &[&str]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let records = text
            .lines()
            .enumerate()
            .map(|(index, line)| {
                decode_line(line, foreign)
                    .map_err(|why| format!("line {}: {why}: {line}", index + 1))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let stream = Self { records };
        stream.check_pairs()?;
        Ok(stream)
    }

    /// Each `begin` has one `end` after it, with its tool and id, and no `end` is alone.
    fn check_pairs(&self) -> Result<(), String> {
        let mut open: Vec<&Record> = Vec::new();
        for record in &self.records {
            if record.kind() == "begin" {
                if record.number("format") != FORMAT {
                    return Err(format!("another format: {}", record.line));
                }
                open.push(record);
            }
            if record.kind() == "end" {
                let same = |begin: &&Record| {
                    begin.text("id") == record.text("id")
                        && begin.text("tool") == record.text("tool")
                };
                let place = open.iter().position(same);
                open.remove(place.ok_or_else(|| format!("an end without begin: {}", record.line))?);
            }
        }
        match open.first() {
            Some(begin) => Err(format!("a begin without end: {}", begin.line)),
            None => Ok(()),
        }
    }

    /// The records of a kind.
    pub fn of<'s>(&'s self, kind: &str) -> impl DoubleEndedIterator<Item = &'s Record> {
        self.records
            .iter()
            .filter(move |record| record.kind() == kind)
    }

    /// The lines of a kind, as they were.
    pub fn lines_of(&self, kind: &str) -> Vec<&str> {
        self.of(kind).map(|record| record.line.as_str()).collect()
    }

    /// The one record of a kind.
    #[track_caller]
    pub fn the(&self, kind: &str) -> &Record {
        let all: Vec<&Record> = self.of(kind).collect();
        match all.as_slice() {
            [record] => record,
            all => panic!("expected one {kind} record, got {}: {all:#?}", all.len()),
        }
    }

    /// The stream again, with the records that are kept only.
    pub fn filtered(&self, keep: impl Fn(&Record) -> bool) -> String {
        self.records
            .iter()
            .filter(|record| keep(record))
            .flat_map(|record| [record.line.as_str(), "\n"])
            .collect()
    }
}

fn decode_line(line: &str, foreign: &[&str]) -> Result<Record, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let record = Record {
        line: line.to_owned(),
        value,
    };
    let kind = record.kind();
    if foreign.contains(&kind) {
        return Ok(record);
    }
    if !line.starts_with(&format!("{{\"type\":\"{kind}\"")) {
        return Err("type is not the first field".to_owned());
    }
    let (_, required, optional) = KINDS
        .iter()
        .find(|(name, ..)| *name == kind)
        .ok_or("no such kind")?;
    check_fields(&record.value, required, optional)?;
    Ok(record)
}

fn check_fields(value: &Value, required: &str, optional: &str) -> Result<(), String> {
    let fields = value.as_object().ok_or("not an object")?;
    let form_of = |list: &str, name: &str| {
        list.split_whitespace()
            .filter_map(|field| field.split_once(':'))
            .find(|(known, _)| *known == name)
            .map(|(_, form)| form.to_owned())
    };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "type") {
        let form = form_of(required, name)
            .or_else(|| form_of(optional, name))
            .ok_or_else(|| format!("a field that the contract does not have: {name}"))?;
        if !fits(value, &form) {
            return Err(format!("{name} is not {form}"));
        }
    }
    match required
        .split_whitespace()
        .filter_map(|field| field.split_once(':'))
        .find(|(name, _)| !fields.contains_key(*name))
    {
        Some((name, _)) => Err(format!("without {name}")),
        None => Ok(()),
    }
}

fn fits(value: &Value, form: &str) -> bool {
    match form {
        "text" => value.is_string(),
        "whole" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "truth" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        words => value
            .as_str()
            .is_some_and(|text| words.split('|').any(|word| word == text.replace(' ', "_"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = r#"{"type":"begin","tool":"t","version":"1","format":1,"id":"a"}"#;
    const END: &str = r#"{"type":"end","tool":"t","id":"a","exit":0}"#;

    fn refused(lines: &[&str], why: &str) {
        let text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
        let error = Stream::decode(text.as_bytes(), &[]).unwrap_err();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_whole_stream_is_read() {
        let stream = Stream::decode(format!("{BEGIN}\n{END}\n").as_bytes(), &[]).unwrap();
        assert_eq!(stream.the("end").number("exit"), 0);
    }

    #[test]
    fn each_breach_of_the_contract_is_named() {
        refused(&[BEGIN], "a begin without end");
        refused(&[END], "an end without begin");
        refused(
            &[BEGIN, &END.replace("\"a\"", "\"b\"")],
            "an end without begin",
        );
        refused(&[&BEGIN.replace(":1,", ":2,"), END], "another format");
        refused(
            &["{\"tool\":\"t\",\"type\":\"end\"}"],
            "type is not the first field",
        );
        refused(&["{\"type\":\"remark\"}"], "no such kind");
        refused(&["garbage"], "line 1");
        refused(&[&END.replace('}', ",\"more\":1}")], "does not have: more");
        refused(&[&END.replace(":0", ":\"0\"")], "exit is not whole");
        refused(
            &["{\"type\":\"end\",\"tool\":\"t\",\"id\":\"a\"}"],
            "without exit",
        );
    }

    #[test]
    fn a_last_line_that_is_cut_is_refused() {
        assert!(Stream::decode(BEGIN.as_bytes(), &[]).is_err());
    }
}
