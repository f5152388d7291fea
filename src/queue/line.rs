//! A line in which every tenant has one of its own, and they take turns: however many keys one tenant
//! lines up, another waits for one of them at most.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// What has a tenant: whoever shares the queue with others.
pub trait Tenant {
    fn tenant(&self) -> Arc<str>;
}

/// The line. A tenant is in `turns` once if any of its keys wait.
pub struct Line<K> {
    turns: VecDeque<Arc<str>>,
    waiting: HashMap<Arc<str>, VecDeque<K>>,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self {
            turns: VecDeque::new(),
            waiting: HashMap::new(),
        }
    }
}

impl<K: Tenant> Line<K> {
    pub fn push(&mut self, key: K) {
        let tenant = key.tenant();
        if let Some(waiting) = self.waiting.get_mut(&tenant) {
            return waiting.push_back(key);
        }
        self.turns.push_back(tenant.clone());
        self.waiting.insert(tenant, VecDeque::from([key]));
    }

    pub fn pop(&mut self) -> Option<K> {
        let tenant = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&tenant)?;
        let key = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        key
    }
}
