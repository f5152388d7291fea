//! What the tests on a real cluster share: the cluster itself, places in it, and bounded waiting.
//!
//! They run only where they are allowed to: on a context that `hack/cluster` made, or on the one that
//! `PUNCTUAL_TEST_CONTEXT` names.

#![allow(dead_code, reason = "each test program uses its part of it")]

pub mod audit;
pub mod controller;
pub mod history;
pub mod part;
#[path = "../memory/patch.rs"]
mod patch;
pub mod place;
pub mod proxy;
mod refusal;
pub mod watches;

use std::{future::Future, process::Command, sync::LazyLock, time::Duration};

use k8s_openapi::{
    api::core::v1::{Node, Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::{await_condition, conditions},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long a test waits for what must come. Far more than it takes, so that a machine that does
/// something else at the same time fails nothing.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How often it looks.
const GLANCE: Duration = Duration::from_millis(100);

const DEFINITIONS: [(&str, &str); 3] = [
    (
        "scheduledcontainers.punctual.dev",
        include_str!("../../crds/scheduledcontainers.punctual.dev.yaml"),
    ),
    (
        "schedulecalendars.punctual.dev",
        include_str!("../../crds/schedulecalendars.punctual.dev.yaml"),
    ),
    (
        "clusterschedulecalendars.punctual.dev",
        include_str!("../../crds/clusterschedulecalendars.punctual.dev.yaml"),
    ),
];

/// The contexts of clusters that `hack/cluster` made.
const OURS: [&str; 2] = ["punctual", "kind-punctual"];

/// How many tests run at once. They wait for a cluster most of the time.
const AT_ONCE: usize = 6;

/// The cluster that the tests may use.
pub struct Cluster {
    pub client: Client,
    /// The context of the kubeconfig.
    pub context: String,
    /// What makes a pod end soon after it began: on a fake node if there is one.
    pub quick: Quick,
}

/// Where pods that only need to come and go run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quick {
    FakeNode,
    RealNode,
}

/// One test: its name and what it does.
pub type Test = (&'static str, fn());

/// Names tests after their functions.
#[macro_export]
macro_rules! tests {
    ($($test:ident),+ $(,)?) => {
        [$((stringify!($test), (|| $crate::cluster::block_on($test())) as fn())),+]
    };
}

/// Runs the tests that the command line asks for, several at once, and ends the process.
pub fn run(tests: impl IntoIterator<Item = Test>) -> ! {
    run_at_once(AT_ONCE, tests).exit()
}

/// Runs the tests that the command line asks for, so many at once if it doesn't say.
pub fn run_at_once<N: Into<String>, T: FnOnce() + Send + 'static>(
    at_once: usize,
    tests: impl IntoIterator<Item = (N, T)>,
) -> libtest_mimic::Conclusion {
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads.get_or_insert(at_once);
    let trials = tests.into_iter().map(|(name, test)| {
        libtest_mimic::Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect())
}

/// Runs one test to its end.
pub fn block_on(test: impl Future<Output = ()>) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));
    RUNTIME.block_on(test);
}

/// The cluster, with the definitions on it.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(connect).await
}

async fn connect() -> Cluster {
    let config = config().await;
    let client = Client::try_from(config).expect("a client");
    install(&client).await;
    refuse_company(&client).await;
    let quick = quick(&client).await;
    Cluster {
        client,
        context: context(),
        quick,
    }
}

/// How to reach the cluster that the tests may use.
pub async fn config() -> Config {
    let options = KubeConfigOptions {
        context: Some(context()),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_kubeconfig(&options)
        .await
        .expect("the kubeconfig should have the context");
    // A request that is repeated behind a test's back is not the request that it means.
    config.default_retry = false;
    config
}

/// The context to use. Never a stranger's.
pub fn context() -> String {
    assert!(
        std::env::var_os("KUBECONFIG").is_some(),
        "these tests need a cluster and KUBECONFIG, the file that names it: \
         `hack/cluster/cluster up; eval \"$(hack/cluster/cluster env)\"`"
    );
    let named = std::env::var("PUNCTUAL_TEST_CONTEXT");
    if let Some(named) = named.ok().filter(|name| !name.is_empty()) {
        return named;
    }
    let current = Kubeconfig::read()
        .expect("KUBECONFIG should name a kubeconfig")
        .current_context
        .unwrap_or_default();
    assert!(
        OURS.contains(&current.as_str()),
        "the kubeconfig's context is {current:?}: tests run only on {OURS:?}, \
         or on the context that PUNCTUAL_TEST_CONTEXT names"
    );
    current
}

/// A controller that is installed on the cluster would look after the tests' schedules as well. No
/// harm comes of it, but no test could say what its own controller did.
async fn refuse_company(client: &Client) {
    let pods: Api<Pod> = Api::all(client.clone());
    let installed = ListParams::default().labels("app.kubernetes.io/name=punctual");
    let pods = pods.list(&installed).await.expect("pods");
    let names: Vec<_> = pods.iter().map(ResourceExt::name_any).collect();
    assert!(
        names.is_empty(),
        "a controller is installed on this cluster and would take part in the tests: {names:?}. \
         `kubectl delete -k deploy` removes it"
    );
}

/// Puts the definitions on the cluster.
pub async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for (name, definition) in DEFINITIONS {
        let definition: Value = serde_saphyr::from_str(definition).expect("it is generated");
        let params = PatchParams::apply("punctual-test").force();
        api.patch(name, &params, &Patch::Apply(definition))
            .await
            .expect("the definition should be accepted");
        let established = await_condition(api.clone(), name, conditions::is_crd_established());
        tokio::time::timeout(PATIENCE, established)
            .await
            .expect("the definition should be established in time")
            .expect("the definition should be readable");
        // Established is what it is said to be; its storage may still be opened, or opened anew.
        let (plural, _) = name.split_once('.').expect("a plural and a group");
        let path = format!("/apis/punctual.dev/v1alpha1/{plural}?limit=1");
        until("the resource is served", async || {
            let request = http::Request::get(&path).body(Vec::new());
            let answer = client.request::<Value>(request.expect("a request")).await;
            answer.ok()
        })
        .await;
    }
}

async fn quick(client: &Client) -> Quick {
    let nodes: Api<Node> = Api::all(client.clone());
    let fake = nodes
        .list(&ListParams::default().labels("type=kwok"))
        .await
        .expect("nodes should be readable");
    let ready = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|it| it.conditions.as_ref());
        conditions.is_some_and(|all| {
            all.iter()
                .any(|it| it.type_ == "Ready" && it.status == "True")
        })
    };
    match fake.items.iter().any(ready) {
        true => Quick::FakeNode,
        false => Quick::RealNode,
    }
}

/// A template of a pod that runs for some milliseconds and succeeds.
pub async fn short_run(milliseconds: u32) -> Value {
    match cluster().await.quick {
        Quick::FakeNode => json!({
            "metadata": {"annotations": {
                "punctual.dev/kwok-complete-after": format!("{milliseconds}ms")}},
            "spec": {
                "nodeSelector": {"type": "kwok"},
                "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
                "containers": [{"name": "main", "image": "punctual.local/work:1"}],
            },
        }),
        Quick::RealNode => {
            let seconds = f64::from(milliseconds) / 1_000.0;
            work(&["sleep", &seconds.to_string()])
        }
    }
}

/// A template of a pod on a real node that does what `hack/cluster/images/work.c` can do.
pub fn work(arguments: &[&str]) -> Value {
    json!({"spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "punctual.local/work:1", "args": arguments}],
    }})
}

/// A template of a pod on a real node that runs a line of shell.
pub fn shell(line: &str) -> Value {
    json!({"spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", line]}],
    }})
}

/// Waits until `look` gives something, and gives it.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_or(what, look, String::new).await
}

/// Looks again and again without a pause: where the looking itself is what is waited for.
pub async fn until_at_once<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let trying = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, trying).await;
    found.unwrap_or_else(|_| panic!("{what}: not within {} s", PATIENCE.as_secs()))
}

/// The same as `until`; `why` tells what is the matter if nothing comes.
pub async fn until_or<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
    why: impl FnOnce() -> String,
) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(GLANCE).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("{what}: not within {} s. {}", PATIENCE.as_secs(), why()),
    }
}

/// Runs kubectl on the cluster; what it prints.
pub fn kubectl(arguments: &[&str]) -> String {
    let output = Command::new("kubectl")
        .arg(format!("--context={}", context()))
        .args(arguments)
        .output()
        .expect("these tests need kubectl in PATH");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "kubectl {arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
