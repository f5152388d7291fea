//! What a server says when it refuses whatever it is asked: for the proxy before a real one, and for the
//! one in memory.

/// The reason that goes with a code, as the API server has them.
pub fn reason(code: u16) -> &'static str {
    match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}
