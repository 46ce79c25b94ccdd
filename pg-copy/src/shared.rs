//! What workers share under a lock, and how long they wait for what others have.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long what another session has is waited for while it does not get on. The server notices
/// a lost client within its keepalives and user timeout, a minute or so.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(90);

/// Locks; a worker that panicked has left nothing half done under a lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
