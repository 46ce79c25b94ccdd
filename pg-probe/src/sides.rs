//! Which sides are probed: what was given, or else what the environment names.

use pg_pipe::record::Side;
use pg_pipe::{Failure, Head};
use pg_session::endpoint::Environment;
use pg_session::{Endpoint, Error, Role};

use crate::args::Args;

/// A side with its endpoint, or with what is wrong with its connection string.
pub(crate) type Given = (Role, Result<Endpoint, Error>);

/// Resolves the sides that a flag or an endpoint record gives; with neither on either side,
/// those whose variable is set. Source first. What is wrong with one hides nothing of the
/// other.
///
/// # Errors
/// When there is none at all.
pub(crate) fn resolve(
    args: &Args,
    head: &Head,
    environment: Environment<'_>,
) -> Result<Vec<Given>, Failure> {
    let flags = [
        (Role::Source, args.source.source.as_deref()),
        (Role::Target, args.target.target.as_deref()),
    ];
    let mut wanted: Vec<(Role, String, Option<&str>)> = flags
        .into_iter()
        .filter_map(|(role, flag)| {
            let left_behind = head.password_from(side(role), flag);
            Some((role, head.conninfo(side(role), flag)?, left_behind))
        })
        .collect();
    if wanted.is_empty() {
        wanted = [Role::Source, Role::Target]
            .into_iter()
            .filter_map(|role| Some((role, environment(role.variable())?, None)))
            .collect();
    }
    if wanted.is_empty() {
        return Err(
            Failure::usage("neither a source nor a target was given").hint(
                "Give --source or --target, set PGMIG_SOURCE or PGMIG_TARGET, or read a stream \
                 that has endpoint records.",
            ),
        );
    }
    Ok(wanted
        .into_iter()
        .map(|(role, conninfo, left_behind)| {
            let endpoint = Endpoint::resolve(role, Some(&conninfo), environment);
            let endpoint = endpoint.map(|one| one.password_left_behind(left_behind));
            (role, endpoint)
        })
        .collect())
}

/// The side that a role plays in records.
pub(crate) fn side(role: Role) -> Side {
    match role {
        Role::Source => Side::Source,
        Role::Target => Side::Target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use pg_pipe::record::Record;

    fn roles(args: &[&str], head: &Head, variables: &[&str]) -> Result<Vec<Role>, Failure> {
        let args = Args::parse_from([&["pg-probe"], args].concat());
        let set = |name: &str| {
            variables
                .contains(&name)
                .then(|| "host=h user=u".to_owned())
        };
        let given = resolve(&args, head, &set)?;
        Ok(given.into_iter().map(|(role, _)| role).collect())
    }

    fn head_with_target() -> Head {
        let record: Record = serde_json::from_str(
            r#"{"type":"endpoint","role":"target","conninfo":"host=t user=u"}"#,
        )
        .unwrap();
        let mut head = Head::default();
        head.note(&record);
        head
    }

    #[test]
    fn flags_and_records_choose_the_sides() {
        let both = roles(&["--source", "user=u"], &head_with_target(), &[]).unwrap();
        assert_eq!(both, [Role::Source, Role::Target]);
        let one = roles(&["--source", "user=u"], &Head::default(), &["PGMIG_TARGET"]).unwrap();
        assert_eq!(one, [Role::Source]);
    }

    #[test]
    fn a_wrong_connection_string_hides_nothing_of_the_other_side() {
        let args = Args::parse_from(["pg-probe", "--source", "nonsense=1", "--target", "user=u"]);
        let given = resolve(&args, &Head::default(), &|_| None).unwrap();
        let usable: Vec<(Role, bool)> = given
            .iter()
            .map(|(role, endpoint)| (*role, endpoint.is_ok()))
            .collect();
        assert_eq!(usable, [(Role::Source, false), (Role::Target, true)]);
    }

    #[test]
    fn variables_count_only_when_nothing_else_is_given() {
        let target = roles(&[], &Head::default(), &["PGMIG_TARGET"]).unwrap();
        assert_eq!(target, [Role::Target]);
        let error = roles(&[], &Head::default(), &[]).unwrap_err();
        assert_eq!(error.to_string(), "neither a source nor a target was given");
    }
}
