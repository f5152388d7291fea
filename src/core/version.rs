//! Which of two versions of an object in the API server is the later one.

/// Whether version `a` is later than `b`. Kubernetes' versions are numbers that grow; of ones that
/// are none, nothing is said.
pub fn later(a: &str, b: &str) -> bool {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a > b,
        _ => false,
    }
}
