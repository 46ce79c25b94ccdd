//! Row hashes made in the client against those that servers make: each built-in type with its
//! extremes, alone, in arrays and under domains, on every server that `tests/servers` finds.
//!
//! Here, not in the end-to-end package: that one knows no crate of ours.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod literals;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod values;
