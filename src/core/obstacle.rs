//! What keeps a schedule from running, whenever it fires: what we must know of its template before
//! Kubernetes is asked about the rest of it.

use serde_json::Value;

use super::{reason::Reason, schedule::Idle};
use crate::api::ScheduledContainerSpec;

/// Why no run of this spec could be made, or could come to an end.
pub fn obstacle(spec: &ScheduledContainerSpec) -> Option<Idle> {
    let template = spec.template.value();
    let message = match template.get("spec").filter(|spec| spec.is_object()) {
        None => Some("spec.template.spec is missing: it holds the pod's containers".into()),
        Some(pod) => never_ends(pod).or_else(|| no_main(pod, spec.main_container.as_deref()?)),
    };
    message.map(|message| Idle {
        reason: Reason::InvalidPod,
        message,
    })
}

fn never_ends(pod: &Value) -> Option<String> {
    (pod["restartPolicy"] == "Always").then(|| {
        "spec.template.spec.restartPolicy: Always would never end; use Never or OnFailure".into()
    })
}

/// Why this can't be the main container of a pod.
fn no_main(pod: &Value, main: &str) -> Option<String> {
    let containers = pod["containers"].as_array().into_iter().flatten();
    let names: Vec<&str> = containers
        .filter_map(|container| container["name"].as_str())
        .collect();
    if names.contains(&main) {
        return None;
    }
    let known = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has \"{}\"", names.join("\", \"")),
    };
    Some(format!(
        "spec.mainContainer: \"{main}\" is none of spec.template.spec.containers: {known}"
    ))
}
