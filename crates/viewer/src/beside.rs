//! Work on every processor that lets the interface go first.

use crate::job::Fault;

/// How far behind the interface such work stands, in the steps of `nice`: it gets what nobody else wants.
#[cfg(target_os = "linux")]
const STEPS: i32 = 10;

/// Does `work`, and what it spreads over processors with rayon, on threads that wait for all others.
pub(crate) fn beside<R: Send>(work: impl FnOnce() -> Result<R, Fault> + Send) -> Result<R, Fault> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads()).start_handler(|_| yield_to_others());
    let pool = pool.build().map_err(|error| Fault::new(error, "Close other programs, and try again."))?;
    pool.install(work)
}

/// All processors where threads can be told to wait for others, else one is left to the interface.
fn threads() -> usize {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cfg!(target_os = "linux") { all } else { all.saturating_sub(1).max(1) }
}

/// Linux has a priority for each thread.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    if let Err(error) = rustix::process::setpriority_process(None, STEPS) {
        tracing::debug!("threads keep their priority: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_stands_behind_and_who_asked_for_it_does_not() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        let inside = beside(|| Ok(priority())).unwrap_or(i32::MIN);
        assert_eq!((inside, priority()), (STEPS.max(before), before));
        assert!(beside(|| Err::<(), _>(Fault::new("on purpose", ""))).is_err());
    }
}
