//! Mutexes of this crate.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex holds. Each of ours is valid after every statement that changes it, so that a panic of
/// another task leaves nothing half done, and is no reason to do without.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
