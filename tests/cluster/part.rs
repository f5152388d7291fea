//! Which part of the long tests is asked for.

/// All of it, or one of several parts.
pub struct Part {
    pub part: usize,
    of: usize,
}

impl Part {
    pub const ALL: Self = Self { part: 1, of: 1 };

    /// What `PUNCTUAL_TEST_FAULTS` asks for; `None` for a sample.
    pub fn from_environment() -> Option<Self> {
        let named = std::env::var("PUNCTUAL_TEST_FAULTS").ok()?;
        let parsed = named.split_once('/').and_then(|(part, of)| {
            let (part, of) = (part.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&part).then_some(Self { part, of })
        });
        Some(parsed.unwrap_or_else(|| {
            panic!("PUNCTUAL_TEST_FAULTS={named}: it is a part such as 3/10, or 1/1 for all")
        }))
    }

    /// What is in this part, of everything.
    pub fn of_all<T>(&self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        all.skip(self.part - 1).step_by(self.of)
    }
}
