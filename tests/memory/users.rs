//! What users do to schedules and pods, in the namespace "default" unless they name another.

use serde_json::{Value, json};

use super::{
    schedules::Template,
    server::{Refusal, delete},
    store::{Id, Resource},
    world::World,
};

impl World {
    /// Creates a schedule.
    pub fn apply(&self, schedule: &Template) {
        self.apply_in("default", schedule);
    }

    /// Creates a schedule in this namespace.
    pub fn apply_in(&self, namespace: &str, schedule: &Template) {
        let object = json!({"metadata": {}, "spec": schedule.spec});
        let id = Id {
            namespace: namespace.into(),
            ..schedule_id(&schedule.name)
        };
        self.server
            .with(|store, now| store.create("user", now, id, object))
            .expect("a new name");
    }

    /// Edits the spec of a schedule.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.change(schedule_id(name), |object| change(&mut object["spec"]));
    }

    pub fn suspend(&self, name: &str, suspend: bool) {
        self.edit(name, |spec| spec["suspend"] = suspend.into());
    }

    /// Asks for a run by hand, at this time of the first day.
    pub fn request(&self, name: &str, time: &str) {
        self.change(schedule_id(name), |object| {
            let annotations = &mut object["metadata"]["annotations"];
            annotations["punctual.dev/run-requested"] = format!("2026-11-20T{time}Z").into();
        });
    }

    /// Deletes a schedule; the garbage collector deletes its pods.
    pub fn delete_schedule(&self, name: &str) {
        self.delete(&schedule_id(name));
    }

    /// Deletes a pod, as `kubectl delete pod` does: a running one is given time to end.
    pub fn delete_pod(&self, name: &str) {
        self.delete(&pod_id(name));
    }

    /// Deletes a pod as `kubectl delete pod --force` does: it is gone at once.
    pub fn force_delete_pod(&self, name: &str) {
        self.server
            .with(|store, now| store.remove("user", now, &pod_id(name)));
    }

    /// Takes away every gate of a pod.
    pub fn ungate(&self, name: &str) {
        self.change(pod_id(name), |pod| {
            let spec = pod["spec"].as_object_mut().expect("a pod has a spec");
            spec.remove("schedulingGates");
        });
    }

    /// Takes every label from a pod.
    pub fn unlabel(&self, name: &str) {
        self.change(pod_id(name), |pod| pod["metadata"]["labels"] = json!({}));
    }

    /// Takes its owner from a pod.
    pub fn disown(&self, name: &str) {
        self.change(pod_id(name), |pod| {
            pod["metadata"]["ownerReferences"] = json!([])
        });
    }

    /// Writes a schedule's status by hand.
    pub fn write_status(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.change(schedule_id(name), |object| change(&mut object["status"]));
    }

    /// Creates this pod, in this namespace.
    pub fn pod_in(&self, namespace: &str, name: &str, pod: Value) -> Value {
        let id = Id {
            namespace: namespace.into(),
            ..pod_id(name)
        };
        self.server
            .with(|store, now| store.create("user", now, id, pod))
            .expect("a new name")
    }

    /// Creates a pod that belongs to no schedule.
    pub fn stranger(&self, name: &str) {
        let object = json!({"metadata": {}, "spec": {"schedulingGates": [{"name": "elsewhere"}]}});
        self.server
            .with(|store, now| store.create("user", now, pod_id(name), object))
            .expect("a new name");
    }

    /// From now on, asks this before a pod is created. The second argument says whether it is a trial.
    pub fn admit(&self, ask: impl FnMut(&Value, bool) -> Option<Refusal> + Send + 'static) {
        self.server.lock().admission = Box::new(ask);
    }

    pub fn change(&self, id: Id, change: impl FnOnce(&mut Value)) {
        self.server.with(|store, now| {
            let mut object = store.get(&id).expect("it exists").clone();
            change(&mut object);
            store
                .update("user", now, &id, object)
                .expect("users read before they write");
        });
    }

    fn delete(&self, id: &Id) {
        self.server
            .with(|store, now| delete(store, "user", now, id, &json!({})))
            .expect("it exists");
    }
}

pub fn schedule_id(name: &str) -> Id {
    id(Resource::Schedules, name)
}

pub fn pod_id(name: &str) -> Id {
    id(Resource::Pods, name)
}

fn id(resource: Resource, name: &str) -> Id {
    Id {
        resource,
        namespace: "default".into(),
        name: name.into(),
    }
}
