//! Rows and their checksum, taken from the frames of a binary COPY as they pass by.

use super::{RowHasher, Total};

/// What a binary COPY begins with (manual, COPY, «Binary Format»).
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags, and the length of an extension: both zero in all versions.
const NO_EXTENSION: &[u8] = &[0; 8];
/// What it ends with, in place of a number of fields.
const TRAILER: &[u8] = &[0xff, 0xff];
/// Tag and length of a frame.
const FRAME_HEADER: usize = 5;

/// Sums rows up. A server sends each row in a frame of its own, the first one behind the head of
/// the format; where that is not so the tally is given up, and nothing is claimed.
#[derive(Debug)]
pub struct Tally {
    hasher: RowHasher,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Begun,
    Rows,
    Ended,
    GivenUp,
}

impl Tally {
    /// A tally with a hasher whose columns are those that are copied.
    pub fn new(hasher: RowHasher) -> Self {
        Self {
            hasher,
            state: State::Begun,
        }
    }

    /// Counts the rows of whole frames.
    pub fn take(&mut self, mut frames: &[u8]) {
        while self.state != State::GivenUp && !frames.is_empty() {
            frames = self.take_one(frames).unwrap_or_else(|| {
                self.state = State::GivenUp;
                &[]
            });
        }
    }

    /// The frames after the first; `None` when that is not what was expected.
    fn take_one<'f>(&mut self, frames: &'f [u8]) -> Option<&'f [u8]> {
        let (header, _) = frames.split_first_chunk::<FRAME_HEADER>()?;
        let [_, length @ ..] = *header;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        let (frame, rest) = frames.split_at_checked(length + 1)?;
        let mut payload = frame.get(FRAME_HEADER..)?;
        if self.state == State::Begun {
            payload = payload
                .strip_prefix(SIGNATURE)?
                .strip_prefix(NO_EXTENSION)?;
            self.state = State::Rows;
            if payload.is_empty() {
                return Some(rest);
            }
        }
        if self.state == State::Ended {
            return None;
        }
        if payload == TRAILER {
            self.state = State::Ended;
        } else {
            self.hasher.add(payload).ok()?;
        }
        Some(rest)
    }

    /// The sum, if all of the COPY has been seen.
    pub fn finish(mut self) -> Option<Total> {
        (self.state == State::Ended).then(|| self.hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::tests::relation;
    use crate::relation::Canonical;

    fn tally() -> Tally {
        Tally::new(RowHasher::for_relation(&relation(&[("a", "integer", Canonical::Raw)])).unwrap())
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 4).unwrap();
        [&[b'd'][..], &length.to_be_bytes(), payload].concat()
    }

    fn head() -> Vec<u8> {
        [SIGNATURE, NO_EXTENSION].concat()
    }

    const ROW: [u8; 10] = [0, 1, 0, 0, 0, 4, 0, 0, 0, 7];

    #[test]
    fn rows_count_whether_the_head_comes_alone_or_not() {
        let together = [
            frame(&[&head()[..], &ROW].concat()),
            frame(&ROW),
            frame(TRAILER),
        ]
        .concat();
        let apart = [frame(&head()), frame(&ROW), frame(&ROW), frame(TRAILER)].concat();
        let sums: Vec<Total> = [together, apart]
            .iter()
            .map(|frames| {
                let mut tally = tally();
                tally.take(frames);
                tally.finish().unwrap()
            })
            .collect();
        assert_eq!(sums[0].rows, 2);
        assert_eq!(sums[0], sums[1]);
    }

    #[test]
    fn an_empty_table_is_none_but_its_head_and_end() {
        let mut tally = tally();
        tally.take(&frame(&[&head()[..], TRAILER].concat()));
        assert_eq!(tally.finish().unwrap().rows, 0);
    }

    #[test]
    fn what_is_not_as_it_should_be_claims_nothing() {
        let cut = [frame(&head()), frame(&ROW)].concat();
        let torn = [
            frame(&head()),
            frame(&ROW[..9]),
            frame(&ROW),
            frame(TRAILER),
        ]
        .concat();
        let two = [frame(&head()), frame(&[ROW, ROW].concat()), frame(TRAILER)].concat();
        let after = [frame(&head()), frame(TRAILER), frame(&ROW)].concat();
        let headless = [frame(&ROW), frame(TRAILER)].concat();
        for frames in [cut, torn, two, after, headless] {
            let mut tally = tally();
            tally.take(&frames);
            assert!(tally.finish().is_none(), "{frames:?}");
        }
    }
}
