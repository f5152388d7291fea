//! The cluster: that it is ours to use, and the few objects that the bench itself needs in it.

use std::{collections::BTreeMap, io::Write, time::Duration};

use anyhow::{Context, bail, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, Node, ServiceAccount},
    rbac::v1::{ClusterRoleBinding, RoleRef, Subject},
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use punctual::api::{ScheduledContainer, definition};
use tokio::time::Instant;

use crate::settings::say;

/// The contexts that `hack/cluster/cluster` makes. No other cluster is touched.
const OURS: [&str; 2] = ["punctual", "kind-punctual"];

/// Marks what a bench has made.
const LABEL: &str = "punctual.dev/bench";

/// The account of the controller: its name in the audit log is its own.
const ACCOUNT: &str = "controller";

pub struct Cluster {
    pub client: Client,
    /// What the names of the bench's namespaces begin with.
    pub prefix: String,
    kubeconfig: Kubeconfig,
}

impl Cluster {
    /// Connects to the cluster that `KUBECONFIG` names.
    pub async fn connect() -> anyhow::Result<Self> {
        let kubeconfig = Kubeconfig::read()
            .context("can't read the kubeconfig: eval \"$(hack/cluster/cluster env)\" first")?;
        let context = kubeconfig.current_context.clone().unwrap_or_default();
        ensure!(
            OURS.contains(&context.as_str()),
            "the kubeconfig's context is {context:?}: only a cluster that hack/cluster/cluster made is touched"
        );
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await?;
        Ok(Self {
            client: Client::try_from(config)?,
            prefix: format!("punctual-bench-{}-", std::process::id()),
            kubeconfig,
        })
    }

    /// The version of Kubernetes.
    pub async fn version(&self) -> anyhow::Result<String> {
        Ok(self.client.apiserver_version().await?.git_version)
    }

    /// Installs the definition if it is missing and makes the namespaces.
    pub async fn prepare(&self, namespaces: usize) -> anyhow::Result<()> {
        let nodes = Api::<Node>::all(self.client.clone());
        let fake = nodes
            .list(&ListParams::default().labels("type=kwok"))
            .await?;
        ensure!(
            !fake.items.is_empty(),
            "there are no fake nodes: hack/cluster/cluster fake-nodes 20"
        );
        self.install_definition().await?;
        // A controller of all namespaces would also run what is not ours.
        let schedules = Api::<ScheduledContainer>::all(self.client.clone());
        if let Some(other) = schedules
            .list(&ListParams::default().limit(1))
            .await?
            .items
            .pop()
        {
            bail!(
                "there are schedules in the cluster already, such as {}/{}: delete them, or take a fresh cluster",
                other.metadata.namespace.unwrap_or_default(),
                other.metadata.name.unwrap_or_default()
            );
        }
        for number in 0..namespaces {
            let namespace = Namespace {
                metadata: self.labelled(self.namespace(number)),
                ..Namespace::default()
            };
            let api = Api::<Namespace>::all(self.client.clone());
            api.create(&PostParams::default(), &namespace).await?;
        }
        Ok(())
    }

    pub fn namespace(&self, number: usize) -> String {
        format!("{}{number}", self.prefix)
    }

    /// The controller's user in the audit log.
    pub fn controller_user(&self) -> String {
        format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace(0))
    }

    /// A kubeconfig with an account of the controller's own.
    pub async fn controller_kubeconfig(&self) -> anyhow::Result<tempfile::NamedTempFile> {
        let home = self.namespace(0);
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), &home);
        let account = ServiceAccount {
            metadata: self.labelled(ACCOUNT.into()),
            ..ServiceAccount::default()
        };
        accounts.create(&PostParams::default(), &account).await?;
        let binding = ClusterRoleBinding {
            metadata: self.labelled(home.clone()),
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".into(),
                kind: "ClusterRole".into(),
                name: "cluster-admin".into(),
            },
            subjects: Some(vec![Subject {
                kind: "ServiceAccount".into(),
                name: ACCOUNT.into(),
                namespace: Some(home),
                ..Subject::default()
            }]),
        };
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        bindings.create(&PostParams::default(), &binding).await?;
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(24 * 3600),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(ACCOUNT, &PostParams::default(), &request)
            .await?;
        let token = answer.status.context("the API server gave no token")?.token;
        self.write_kubeconfig(token)
    }

    fn write_kubeconfig(&self, token: String) -> anyhow::Result<tempfile::NamedTempFile> {
        let mut kubeconfig = serde_json::to_value(&self.kubeconfig)?;
        let users = kubeconfig["users"].as_array_mut().context("no users")?;
        for user in users {
            user["user"] = serde_json::json!({"token": token});
        }
        // Only the owner may read a temporary file.
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(kubeconfig.to_string().as_bytes())?;
        Ok(file)
    }

    /// Deletes what the bench has made and waits until it is gone.
    pub async fn clean_up(&self) -> anyhow::Result<()> {
        say("cleaning up");
        let ours = ListParams::default().labels(&format!("{LABEL}={}", self.mark()));
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        bindings
            .delete_collection(&DeleteParams::default(), &ours)
            .await?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        for namespace in namespaces.list(&ours).await? {
            let name = namespace.metadata.name.unwrap_or_default();
            namespaces.delete(&name, &DeleteParams::default()).await?;
        }
        let end = Instant::now() + Duration::from_secs(300);
        while !namespaces.list(&ours).await?.items.is_empty() {
            ensure!(
                Instant::now() < end,
                "the namespaces {}* are still there after 300 s",
                self.prefix
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    async fn install_definition(&self) -> anyhow::Result<()> {
        use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
        let definitions = Api::<CustomResourceDefinition>::all(self.client.clone());
        let object: CustomResourceDefinition =
            serde_json::from_value(definition::<ScheduledContainer>())?;
        let name = object.metadata.name.clone().unwrap_or_default();
        if definitions.get_opt(&name).await?.is_none() {
            definitions.create(&PostParams::default(), &object).await?;
        }
        let established = kube::runtime::conditions::is_crd_established();
        let waiting = kube::runtime::wait::await_condition(definitions, &name, established);
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .context("the definition is not established within 30 s")??;
        Ok(())
    }

    fn mark(&self) -> &str {
        self.prefix.trim_end_matches('-')
    }

    fn labelled(&self, name: String) -> ObjectMeta {
        let labels = BTreeMap::from([(LABEL.to_owned(), self.mark().to_owned())]);
        ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            ..ObjectMeta::default()
        }
    }
}
