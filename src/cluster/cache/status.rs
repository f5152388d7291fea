//! Reads a status, as far as it can be read: anybody may have written it, also another version of us.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{api::ScheduledContainerStatus, cluster::values};

/// What must be read whole or not at all: a claim that is forgotten lets a second run start.
const CLAIMS: [&str; 2] = ["active", "queued"];

/// The status, without what can't be read of it; or what nothing can be decided without.
pub fn read(part: Option<&RawValue>) -> Result<ScheduledContainerStatus, String> {
    let way_out = "no controller has written it; delete what somebody else has put there";
    let text = values::text(part, way_out)?;
    let wrong = match serde_json::from_str::<Option<ScheduledContainerStatus>>(text) {
        Ok(status) => return Ok(status.unwrap_or_default()),
        Err(error) => error.to_string(),
    };
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text) else {
        return Err(wrong);
    };
    let mut readable = BTreeMap::new();
    for (name, value) in &fields {
        match decoded(&BTreeMap::from([(name, value)])) {
            Ok(_) => drop(readable.insert(name, value)),
            Err(error) if CLAIMS.contains(&name.as_str()) => {
                return Err(format!("{name}: {error}"));
            }
            // What is decided stands elsewhere in it as well, or is lost for nobody but the reader.
            Err(_) => {}
        }
    }
    decoded(&readable)
}

fn decoded(fields: &impl Serialize) -> Result<ScheduledContainerStatus, String> {
    let text = serde_json::to_string(fields).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reading(status: &Value) -> Result<ScheduledContainerStatus, String> {
        let raw = RawValue::from_string(status.to_string()).unwrap();
        read(Some(&raw))
    }

    #[test]
    fn what_can_t_be_read_is_left_out_and_the_rest_stays() {
        let status = reading(&json!({
            "lastFireTime": "9999-12-31T23:59:59Z",
            "lastRunTime": "2026-11-20T12:00:00Z",
            "recentSkips": "none",
            "counts": {"succeeded": 3},
        }))
        .unwrap();
        assert_eq!(status.last_fire_time, None);
        assert_eq!(
            status.last_run_time,
            Some("2026-11-20T12:00:00Z".parse().unwrap())
        );
        assert_eq!(status.counts.succeeded, 3);
    }

    #[test]
    fn a_claim_that_can_t_be_read_is_never_forgotten() {
        let wrong = reading(&json!({"active": {"name": "a"}, "counts": {}}));
        assert!(wrong.unwrap_err().starts_with("active: "));
        assert!(reading(&json!("none")).is_err());
        assert_eq!(
            reading(&Value::Null),
            Ok(ScheduledContainerStatus::default())
        );
    }
}
