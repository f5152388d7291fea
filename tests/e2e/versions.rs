//! Versions of Punctual: the one of this tree and, with `make test-e2e FROM=…`, an older one that is
//! installed before it.

use std::env;

use crate::{
    SYSTEM,
    command::{get, helm, step, until},
    fires::{begin, goes_on},
    objects::values,
};

/// What a user has of a version: the folder of its charts, and its image.
pub struct Version {
    charts: String,
    image: String,
}

impl Version {
    pub fn this() -> Self {
        Self {
            charts: "charts".to_owned(),
            image: env::var("PUNCTUAL_TEST_IMAGE").expect("make test-e2e names the image"),
        }
    }

    /// The one to upgrade from, if there is one.
    pub fn older() -> Option<Self> {
        let charts = env::var("PUNCTUAL_TEST_OLDER_CHARTS").ok()?;
        let image = env::var("PUNCTUAL_TEST_OLDER_IMAGE").expect("the image of these charts");
        Some(Self { charts, image })
    }

    /// Installs both charts; what Helm says.
    pub fn install(&self) -> String {
        step(&format!("install both charts: {}", self.image));
        let [definitions, controller] = self.charts();
        helm(&["install", "punctual-crds", &definitions]);
        let values = values("file-first");
        let install = ["install", "punctual", &controller, "--values", &values];
        let notes = self.apply(&install);
        self.until_all_run_it();
        notes
    }

    /// Upgrades both charts by the commands of docs/install.md; what Helm says.
    fn upgrade(&self) -> String {
        let [definitions, controller] = self.charts();
        helm(&["upgrade", "punctual-crds", &definitions]);
        let reuse = "--reset-then-reuse-values";
        let notes = self.apply(&["upgrade", "punctual", &controller, reuse]);
        self.until_all_run_it();
        notes
    }

    fn apply(&self, command: &[&str]) -> String {
        let (repository, tag) = self.image.rsplit_once(':').expect("a tag");
        let image = format!("image.repository={repository},image.tag={tag},image.pullPolicy=Never");
        helm(&[command, &["--wait", "--set", &image]].concat())
    }

    fn charts(&self) -> [String; 2] {
        ["punctual-crds", "punctual"].map(|chart| format!("{}/{chart}", self.charts))
    }

    fn until_all_run_it(&self) {
        until("all replicas run this image, and no other does", || {
            let pods = get(&["pods", "-n", SYSTEM]);
            let pods = pods["items"].as_array().cloned().unwrap_or_default();
            let runs_it = |pod: &serde_json::Value| {
                pod["spec"]["containers"][0]["image"] == self.image.as_str()
                    && pod["status"]["containerStatuses"][0]["ready"] == true
            };
            !pods.is_empty() && pods.iter().all(runs_it)
        });
    }
}

/// Installs the older version and upgrades it, goes back to it, and upgrades it again, each while a
/// schedule fires every second; what Helm says at the end.
pub fn a_new_version_and_the_way_back_cost_no_fire(older: &Version, this: &Version) -> String {
    assert_ne!(older.image, this.image, "they are one version");
    older.install();

    step(&format!("upgrade to {}", this.image));
    begin("upgraded");
    this.upgrade();
    goes_on("upgraded");

    // The definitions stay: Helm knows no schedule, and the older controller reads the newer ones.
    step(&format!("go back to {}", older.image));
    begin("rolled-back");
    helm(&["rollback", "punctual", "--wait"]);
    older.until_all_run_it();
    goes_on("rolled-back");

    step(&format!("upgrade to {} again", this.image));
    begin("upgraded-again");
    let notes = this.upgrade();
    goes_on("upgraded-again");
    notes
}
