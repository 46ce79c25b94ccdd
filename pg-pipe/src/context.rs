//! What a running tool is given: where records go, whom to tell, when to stop. Clones share
//! it, so that working threads can have one each.

use crate::exit::Exit;
use crate::failure::{self, Diagnose, Failure};
use crate::notice::Notice;
use crate::output::Output;
use crate::progress::{Meter, Phase};
use crate::record::{ErrorRecord, Record, Scope};
use crate::stop::Stop;

/// The surroundings of a running tool.
#[derive(Clone)]
pub struct Context {
    pub(crate) tool: &'static str,
    pub(crate) output: Output,
    pub(crate) notice: Notice,
    pub(crate) stop: Stop,
    pub(crate) diagnose: Diagnose,
    pub(crate) strict: bool,
}

impl Context {
    /// Name of the tool.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// Writes a record of our own.
    pub fn write(&self, record: Record) {
        self.output.write(&record);
    }

    /// Messages to people.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// What tells people of something that is waited for, for code that knows no [`Notice`].
    pub fn teller(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let notice = self.notice.clone();
        move |text| notice.warn(text)
    }

    /// The stop switch.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Fails once a stop has been asked for.
    ///
    /// # Errors
    /// A failure with the status that goes with the reason.
    pub fn check_stop(&self) -> Result<(), Failure> {
        match self.stop.reason() {
            Some(exit) => Err(Failure::new(exit, "stopped", "stopped on request")),
            None => Ok(()),
        }
    }

    /// Whether warnings count as «no».
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// Begins to show how far a phase is.
    pub fn meter(&self, name: &str, items: usize, bytes: Option<u64>) -> Meter {
        let phase = Phase {
            tool: self.tool.to_owned(),
            name: name.to_owned(),
            items: u64::try_from(items).unwrap_or(u64::MAX),
            bytes,
        };
        Meter::begin(phase, self.output.clone(), self.notice.clone())
    }

    /// Reports that one object failed: an `error` record of scope item, and a line on
    /// stderr. The tool goes on and ends with [`Exit::Partial`].
    pub fn item_failed(&self, object: &str, error: &anyhow::Error) -> ErrorRecord {
        let mut record = self.record(Scope::Item, error);
        record.object.get_or_insert_with(|| object.to_owned());
        self.report(&record);
        record
    }

    /// Reports what ends the tool: an `error` record of scope stream, and a line on stderr.
    /// What was stopped further up is in the stream already and is only told.
    pub(crate) fn stream_failed(&self, error: &anyhow::Error) -> Exit {
        let upstream = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<Failure>())
            .find(|failure| failure.is_upstream());
        if let Some(failure) = upstream {
            self.notice.note(&failure.to_string());
            return failure.diagnosis().exit;
        }
        let record = self.record(Scope::Stream, error);
        self.report(&record);
        Exit::from_code(record.exit)
    }

    /// What an error means.
    pub fn diagnose(&self, error: &anyhow::Error) -> failure::Diagnosis {
        failure::diagnose(error, self.diagnose)
    }

    fn record(&self, scope: Scope, error: &anyhow::Error) -> ErrorRecord {
        let record = failure::record(self.tool, scope, error, self.diagnose);
        ErrorRecord {
            message: self.notice.redact().apply(&record.message),
            ..record
        }
    }

    fn report(&self, record: &ErrorRecord) {
        self.notice.error(record);
        self.output.write(&Record::Error(record.clone()));
    }
}
