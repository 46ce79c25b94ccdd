//! The head of a stream: which migration it belongs to and where its two servers are.

use crate::failure::Failure;
use crate::input::{Input, Line};
use crate::record::{Endpoint, Migration, MigrationOption, Record, Side};

/// What the head of a stream says, as far as it has been read. Later records replace
/// earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The migration, absent when the tools were joined by hand.
    pub migration: Option<Migration>,
    /// The source.
    pub source: Option<Endpoint>,
    /// The target.
    pub target: Option<Endpoint>,
}

impl Head {
    /// Reads a stream to its end for nothing but its head.
    ///
    /// # Errors
    /// When the stream is not sound or was stopped further up.
    pub fn read(input: Option<Input>) -> Result<Self, Failure> {
        let mut head = Self::default();
        for line in input.into_iter().flatten() {
            if let Line::Known(record) = line? {
                head.note(&record);
            }
        }
        Ok(head)
    }

    /// Notes a record, if it belongs to the head.
    pub fn note(&mut self, record: &Record) {
        match record {
            Record::Migration(migration) => self.migration = Some(migration.clone()),
            Record::Endpoint(endpoint) => match endpoint.role {
                Side::Source => self.source = Some(endpoint.clone()),
                Side::Target => self.target = Some(endpoint.clone()),
            },
            _ => {}
        }
    }

    /// The connection string of a side: the flag's, or else the record's.
    pub fn conninfo(&self, side: Side, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| {
            self.endpoint(side)
                .map(|endpoint| endpoint.conninfo.clone())
        })
    }

    /// Where an earlier tool had the password of a side from, if it says so. A flag names a
    /// server of its own, to which that does not apply.
    pub fn password_from(&self, side: Side, flag: Option<&str>) -> Option<&str> {
        let record = self.endpoint(side).filter(|_| flag.is_none())?;
        record.password_from.as_deref()
    }

    /// Hash of the migration, for `application_name`.
    pub fn hash(&self) -> Option<&str> {
        self.migration
            .as_ref()
            .map(|migration| migration.hash.as_str())
    }

    /// The database that is loaded: the staging database of a migration. Without one it is
    /// the target endpoint's own.
    pub fn staging(&self) -> Option<&str> {
        self.migration
            .as_ref()
            .map(|migration| migration.staging.as_str())
    }

    /// Whether the migration only validates, so that nothing is dumped, copied or compared.
    pub fn validates_only(&self) -> bool {
        self.migration
            .as_ref()
            .is_some_and(|migration| migration.option == MigrationOption::Validate)
    }

    fn endpoint(&self, side: Side) -> Option<&Endpoint> {
        match side {
            Side::Source => self.source.as_ref(),
            Side::Target => self.target.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_replaces_the_record_and_what_it_says_of_the_password() {
        let mut head = Head::default();
        let record =
            r#"{"type":"endpoint","role":"source","conninfo":"host=a","password_from":"conninfo"}"#;
        head.note(&serde_json::from_str(record).unwrap());
        assert_eq!(head.conninfo(Side::Source, None).as_deref(), Some("host=a"));
        assert_eq!(head.password_from(Side::Source, None), Some("conninfo"));
        let flag = Some("host=b");
        assert_eq!(head.conninfo(Side::Source, flag).as_deref(), flag);
        assert_eq!(head.password_from(Side::Source, flag), None);
        assert_eq!(head.password_from(Side::Target, None), None);
    }
}
