//! Running a tool: arguments in, exit status out. The one place that prints errors, opens
//! and closes the stream, and chooses the status.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Command, CommandFactory, FromArgMatches};
use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Diagnosis, Failure};
use crate::generate;
use crate::input::Input;
use crate::notice::{Level, Notice};
use crate::output::{Output, Writer};
use crate::record::{Begin, End, FORMAT, Record};
use crate::redact::Redact;
use crate::report::{self, Format, Table};
use crate::shown::{self, Text};
use crate::standing::Standing;
use crate::stop::Stop;

/// How long a tool that was stopped forwards what upstream still says.
const DRAIN: Duration = Duration::from_secs(5);

/// How often a stop is looked for while the work goes on.
const TICK: Duration = Duration::from_millis(50);

/// A tool of the workspace.
pub trait Tool: 'static {
    /// What was typed.
    type Args: CommandFactory + FromArgMatches + Send + 'static;

    /// Name of the binary.
    const NAME: &'static str;

    /// Version of the tool.
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    /// Examples, shown at the end of `--help`: one command a line.
    const EXAMPLES: &'static str;

    /// Tables of its report, for `--format table|csv|json`.
    const REPORT: &'static [Table];

    /// How long the work may go on after a first signal. Long enough for a rollback; what a
    /// server or a slow network holds longer is left behind.
    const GRACE: Duration = Duration::from_millis(900);

    /// The shared flags and the stream operand.
    fn standing(args: &Self::Args) -> (Standing, Option<PathBuf>);

    /// What an error of a shared crate means; `None` for errors that it does not know.
    fn diagnose(error: &(dyn Error + 'static)) -> Option<Diagnosis>;

    /// Does the work.
    ///
    /// # Errors
    /// Whatever ends the tool; the chain is printed in one line.
    fn run(args: Self::Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit>;
}

/// The definition of a tool's command line, with examples and exit statuses. A subcommand
/// shows those of the tool's examples that it is in.
pub fn command<T: Tool>() -> Command {
    let after = format!("Examples:\n{}\n{}", T::EXAMPLES, Exit::help());
    T::Args::command()
        .name(T::NAME)
        .bin_name(T::NAME)
        .version(T::VERSION)
        .after_help(after)
        .mut_subcommands(|subcommand| {
            let typed = format!("{} {}", T::NAME, subcommand.get_name());
            let lines = T::EXAMPLES.lines().filter(|line| line.contains(&typed));
            let examples: Vec<&str> = lines.collect();
            subcommand.after_help(format!("Examples:\n{}", examples.join("\n")))
        })
}

/// The whole of a tool's `main`.
pub fn main<T: Tool>() -> ExitCode {
    report_panics(T::NAME, T::VERSION);
    let exit = panic::catch_unwind(AssertUnwindSafe(|| start::<T>())).unwrap_or(Exit::Bug);
    exit.into()
}

fn start<T: Tool>() -> Exit {
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == "--generate") {
        let kind = arguments.get(2).and_then(|kind| kind.to_str());
        let directory = arguments.get(3).map(Path::new);
        return print_generated::<T>(kind.unwrap_or_default(), directory);
    }
    let redact = Redact::of_arguments(&arguments);
    let parsed = command::<T>()
        .try_get_matches_from(arguments)
        .and_then(|matches| T::Args::from_arg_matches(&matches));
    match parsed {
        Ok(args) => run::<T>(args, redact),
        Err(error) => {
            let asked = !error.use_stderr();
            print_usage(T::NAME, &error, &redact);
            if asked { Exit::Fine } else { Exit::Usage }
        }
    }
}

/// Prints what clap has to say: help as it is, a mistake in one line with a hint. Help that
/// nobody reads is no error.
fn print_usage(tool: &str, error: &clap::Error, redact: &Redact) {
    if !error.use_stderr() {
        drop(error.print());
        return;
    }
    let text = redact.apply(&error.render().to_string());
    drop(io::stderr().write_all(usage_lines(tool, &text).as_bytes()));
}

/// clap's paragraphs, «error: …», «tip: …» and the usage, as our two lines.
fn usage_lines(tool: &str, text: &str) -> String {
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let message = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tip = paragraphs
        .filter_map(|paragraph| paragraph.trim().strip_prefix("tip: "))
        .map(|tip| format!("{}. ", capitalized(tip)))
        .next()
        .unwrap_or_default();
    let (message, tip) = (shown::line(message), shown::line(&tip));
    format!("{tool}: error: {message}\nhint: {tip}See {tool} --help.\n")
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn print_generated<T: Tool>(kind: &str, directory: Option<&Path>) -> Exit {
    let notice = Notice::new(T::NAME, Level::Normal, Redact::default());
    let failure = match generate::write(kind, directory, command::<T>(), &mut io::stdout()) {
        Ok(Ok(())) => return Exit::Fine,
        Ok(Err(error)) => {
            let place = directory.map_or("standard output".into(), |path| path.to_string_lossy());
            Failure::input(format!("cannot write {place}: {error}"))
        }
        Err(failure) => failure,
    };
    let context = context::<T>(Output::report(), notice, &Standing::default());
    context.stream_failed(&failure.into())
}

fn context<T: Tool>(output: Output, notice: Notice, standing: &Standing) -> Context {
    Context {
        tool: T::NAME,
        output,
        notice,
        stop: Stop::default(),
        diagnose: T::diagnose,
        strict: standing.strict,
    }
}

fn run<T: Tool>(args: T::Args, redact: Redact) -> Exit {
    let (standing, operand) = T::standing(&args);
    let notice = Notice::new(T::NAME, standing.level(), redact);
    let format = standing.format_or_default(operand.is_some(), io::stdout().is_terminal());
    let mut context = context::<T>(Output::report(), notice, &standing);
    let writer = match open_output(&mut context, format) {
        Ok(writer) => writer,
        Err(error) => return context.stream_failed(&error),
    };
    let id = uuid::Uuid::new_v4().simple().to_string();
    context.write(Record::Begin(Begin {
        tool: T::NAME.to_owned(),
        version: T::VERSION.to_owned(),
        format: FORMAT,
        id: id.clone(),
    }));
    let exit = work::<T>(args, operand, &context);
    context.write(Record::End(End {
        tool: T::NAME.to_owned(),
        id,
        exit: exit.code(),
    }));
    close_output::<T>(context, writer, format, exit)
}

fn open_output(context: &mut Context, format: Format) -> anyhow::Result<Option<Writer>> {
    context
        .stop
        .listen()
        .map_err(|error| Failure::bug(format!("cannot listen for signals: {error}")))?;
    if format != Format::Ndjson {
        return Ok(None);
    }
    let (output, writer) = Output::stream(shown::standard_output(Text::Json), context.stop.clone())
        .map_err(|error| Failure::bug(format!("cannot start a thread: {error}")))?;
    context.output = output;
    Ok(Some(writer))
}

/// Runs the tool on its input, reports what ended it, forwards what upstream still says.
fn work<T: Tool>(args: T::Args, operand: Option<PathBuf>, context: &Context) -> Exit {
    let opened = operand
        .map(|path| Input::open(&path, context.output.clone(), context.notice.clone()))
        .transpose();
    let input = match opened {
        Ok(input) => input,
        Err(failure) => return context.stream_failed(&failure.into()),
    };
    let drain = input.as_ref().map(Input::drain_handle);
    let exit = conclude(run_bounded::<T>(args, input, context), context);
    let Some(drain) = drain else { return exit };
    drain.wait(DRAIN);
    // What failed further up has not been made good by us: the last status tells it too.
    if exit == Exit::Fine && drain.is_partial() {
        Exit::Partial
    } else {
        exit
    }
}

/// Runs the tool in a thread that is left behind when it does not end within its grace after
/// a stop: nothing that blocks, such as a connection attempt, keeps us from ending.
fn run_bounded<T: Tool>(
    args: T::Args,
    input: Option<Input>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let (sender, receiver) = bounded(1);
    let inner = context.clone();
    thread::Builder::new()
        .name(T::NAME.to_owned())
        .spawn(move || {
            let result = panic::catch_unwind(AssertUnwindSafe(|| T::run(args, input, &inner)))
                .unwrap_or_else(|_| Err(Failure::bug("the tool panicked").into()));
            // Nobody listens any more when the grace is over.
            drop(sender.send(result));
        })
        .map_err(|error| Failure::bug(format!("cannot start a thread: {error}")))?;
    let mut stopped_at = None;
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::bug("the tool ended without a result").into());
            }
        }
        if let Some(exit @ (Exit::Interrupted | Exit::Terminated)) = context.stop.reason() {
            let since = *stopped_at.get_or_insert_with(Instant::now);
            if since.elapsed() > T::GRACE {
                return Err(Failure::new(exit, "stopped", "stopped on request").into());
            }
        }
    }
}

fn conclude(result: anyhow::Result<Exit>, context: &Context) -> Exit {
    match (result, context.stop.reason()) {
        (_, Some(Exit::ReaderGone)) => Exit::ReaderGone,
        // With a signal, the work was finished before it could be stopped.
        (Ok(exit), _) => exit,
        // Canceled statements are no errors of their own.
        (Err(_), Some(reason @ (Exit::Interrupted | Exit::Terminated))) => {
            context.notice.note("stopped on request");
            reason
        }
        // The output cannot be written, which is told when it is closed.
        (Err(_), Some(Exit::Input)) => Exit::Input,
        (Err(error), _) => context.stream_failed(&error),
    }
}

/// Waits until all is written; prints the report instead where one was asked for.
fn close_output<T: Tool>(
    context: Context,
    writer: Option<Writer>,
    format: Format,
    exit: Exit,
) -> Exit {
    let stop = context.stop.clone();
    let notice = context.notice.clone();
    let records = context.output.kept();
    let diagnose_only = Context {
        output: Output::report(),
        ..context
    };
    let written = match writer {
        Some(writer) => writer.finish(),
        None => print_report(format, T::REPORT, &records),
    };
    match written {
        _ if stop.reason() == Some(Exit::ReaderGone) => Exit::ReaderGone,
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::ReaderGone,
        Err(error) => {
            let failure = Failure::input(format!("cannot write standard output: {error}"))
                .hint("Make room or choose another file, and run the same command again.");
            let status = diagnose_only.stream_failed(&failure.into());
            notice.detail("the stream is cut");
            if exit == Exit::Fine { status } else { exit }
        }
    }
}

fn print_report(format: Format, tables: &[Table], records: &[Record]) -> io::Result<()> {
    let text = match format {
        Format::Ndjson | Format::Json => Text::Json,
        Format::Csv | Format::Table => Text::Plain,
    };
    let mut stdout = io::BufWriter::new(shown::standard_output(text));
    report::write(&mut stdout, format, tables, records)?;
    stdout.flush()
}

/// A bug looks different from a mistake of the world: it says what to report.
fn report_panics(tool: &'static str, version: &'static str) {
    panic::set_hook(Box::new(move |info| {
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let text = format!(
            "{tool}: internal error in {tool} {version}{place}: {}\n\
             hint: This is a bug. Please report this line and what you ran.",
            shown::line(info.payload_as_str().unwrap_or("no message"))
        );
        drop(writeln!(io::stderr(), "{text}"));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_flag_is_told_in_one_line_with_a_hint() {
        let text = "error: unexpected argument '--formt' found\n\n  tip: a similar argument \
                    exists: '--format'\n\nUsage: pg-copy [OPTIONS]\n";
        assert_eq!(
            usage_lines("pg-copy", text),
            "pg-copy: error: unexpected argument '--formt' found\n\
             hint: A similar argument exists: '--format'. See pg-copy --help.\n"
        );
        let text = "error: the following required arguments were not provided:\n  --section \
                    <SECTION>\n\nUsage: x\n";
        assert_eq!(
            usage_lines("t", text),
            "t: error: the following required arguments were not provided: --section <SECTION>\n\
             hint: See t --help.\n"
        );
    }
}
