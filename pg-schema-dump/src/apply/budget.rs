//! Memory for index builds and validations: one budget, shared out over those that run; and
//! parallel workers for the large ones, when few are left. A sort has no use for much: it is
//! fastest within the caches of a processor.

use pg_session::args::Size;
use pg_session::{Error, Session};

const SETTINGS: &str = include_str!("sql/build_settings.sql");

/// What a run may use at least, unless the flag says otherwise.
const LEAST_BUDGET_KB: i64 = 256 * 1024;

/// What a build gets at least, unless the flag says otherwise.
const LEAST_SHARE_KB: i64 = 64 * 1024;

/// What each process of a sort gets at the most, unless the flag says otherwise; with less the
/// server gives it no parallel worker (`plan_create_index_workers`). Six indexes on 2 million
/// rows took 8.3 s of a processor with 32 MB, 9.0 with 64 MB and 10.5 with 256 MB.
const SORT_KB: i64 = 32 * 1024;

/// The most that any version of the server takes.
const MOST_KB: i64 = 2_147_483_647;

/// Tables from this size on get more parallel workers than the server's default.
const LARGE: i64 = 256 << 20;

/// More workers than these gain little in one build.
const MOST_WORKERS: i64 = 8;

/// What a run may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Budget {
    total_kb: i64,
    least_kb: i64,
    most_of_sort_kb: i64,
    default_workers: i64,
    worker_slots: i64,
    jobs: i64,
}

impl Budget {
    /// The budget on a server: what the flag says, or else the server's own setting.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn open(
        session: &mut Session,
        given: Option<Size>,
        jobs: usize,
    ) -> Result<Self, Error> {
        let row = session.query_one(SETTINGS, &[])?;
        let own: i64 = row.get("maintenance_work_mem_kb");
        Ok(Self {
            total_kb: given.map_or(own.max(LEAST_BUDGET_KB), Size::kilobytes),
            least_kb: given.map_or(LEAST_SHARE_KB, |_| 1024),
            most_of_sort_kb: given.map_or(SORT_KB, |_| MOST_KB),
            default_workers: row.get("workers"),
            worker_slots: row.get("worker_slots"),
            jobs: i64::try_from(jobs).unwrap_or(i64::MAX),
        })
    }

    /// Settings for one of `left` builds, this one included, over a table of `bytes`. All that
    /// run at the same time stay within the budget: none began with fewer left than now.
    pub(crate) fn settings(&self, left: usize, bytes: i64, sorts: bool) -> String {
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        let sharing = left.clamp(1, self.jobs.max(1));
        let spare = (self.worker_slots / sharing - 1).min(MOST_WORKERS);
        let has_more_workers = bytes >= LARGE && spare > self.default_workers;
        let workers = if has_more_workers {
            spare
        } else {
            self.default_workers
        };
        let most = if sorts {
            self.most_of_sort_kb.saturating_mul(workers + 1)
        } else {
            MOST_KB
        };
        let memory = (self.total_kb / sharing).max(self.least_kb);
        let memory = memory.min(most.max(LEAST_SHARE_KB)).min(MOST_KB);
        let mut sql = format!("set local maintenance_work_mem = {memory};");
        if has_more_workers {
            sql.push_str(&format!(
                " set local max_parallel_maintenance_workers = {workers};"
            ));
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget {
            total_kb: 262_144,
            least_kb: LEAST_SHARE_KB,
            most_of_sort_kb: SORT_KB,
            default_workers: 2,
            worker_slots: 8,
            jobs: 8,
        }
    }

    #[test]
    fn the_budget_is_shared_and_the_last_build_has_all_of_it() {
        let of = |left, bytes| budget().settings(left, bytes, false);
        assert_eq!(of(40, 1), "set local maintenance_work_mem = 65536;");
        assert_eq!(of(2, 1), "set local maintenance_work_mem = 131072;");
        assert_eq!(
            of(1, LARGE),
            "set local maintenance_work_mem = 262144; set local max_parallel_maintenance_workers = 7;"
        );
        assert_eq!(of(8, LARGE), "set local maintenance_work_mem = 65536;");
    }

    #[test]
    fn a_sort_has_what_its_processes_have_use_for() {
        let memory = |budget: Budget, left, bytes| {
            let sql = budget.settings(left, bytes, true);
            let (first, _) = sql.split_once(';').expect("a statement");
            first.rsplit(' ').next().expect("a number").to_owned()
        };
        let large = Budget {
            total_kb: 4 << 20,
            jobs: 2,
            ..budget()
        };
        assert_eq!(memory(large, 1, 1), "98304", "two workers and itself");
        assert_eq!(memory(large, 9, LARGE), "131072", "three workers");
        assert_eq!(memory(large, 1, LARGE), "262144", "seven");
        let alone = Budget {
            default_workers: 0,
            ..large
        };
        assert_eq!(memory(alone, 9, 1), "65536");
        assert_eq!(memory(budget(), 8, 1), "65536", "no more than its share");
        let asked = Budget {
            most_of_sort_kb: MOST_KB,
            ..large
        };
        assert_eq!(memory(asked, 2, 1), "2097152");
    }
}
