//! What we do ourselves against what servers and the driver do, on every server that
//! `tests/servers` finds. Row hashes made in the client: each built-in type with its extremes,
//! alone, in arrays and under domains. Wires: what they have set, say and stand.
//!
//! Here, not in the end-to-end package: that one knows no crate of ours.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod literals;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod values;
#[cfg(test)]
mod wires;
