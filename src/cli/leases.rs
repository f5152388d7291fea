//! The flags that say how replicas of the controller agree who leads.

use anyhow::Context;
use clap::Args;
use jiff::SignedDuration;
use punctual::{
    clock::Clock,
    cluster::{
        lease::{DEFAULT_NAME, Election, Terms},
        report,
    },
    metrics::Metrics,
};

/// Which Leases there are, if any.
#[derive(Args)]
pub struct LeaseFlags {
    /// The Lease by which several replicas agree who leads. Those of shards begin with its name.
    #[arg(
        long,
        env = "PUNCTUAL_LEASE",
        value_name = "NAME",
        default_value = DEFAULT_NAME
    )]
    lease: String,

    /// The namespace of the Lease. Default: the one of --namespace, the kubeconfig's context, or the
    /// pod that this runs in.
    #[arg(long, env = "PUNCTUAL_LEASE_NAMESPACE", value_name = "NAME")]
    lease_namespace: Option<String>,

    /// How long after its last renewal a Lease may be taken over by another replica: 1s to 60s.
    #[arg(
        long,
        env = "PUNCTUAL_LEASE_DURATION",
        value_name = "DURATION",
        default_value = "2s"
    )]
    lease_duration: SignedDuration,

    /// Into how many parts the schedules are divided among the replicas, each with a Lease of its own;
    /// the same for all replicas. 1: one replica leads, and the others stand by.
    #[arg(long, env = "PUNCTUAL_SHARDS", value_name = "N", default_value_t = 1)]
    shards: usize,

    /// Lead without a Lease, whoever else does. That is as safe, but replicas do the same work.
    #[arg(long, env = "PUNCTUAL_NO_LEASE")]
    no_lease: bool,
}

impl LeaseFlags {
    /// This replica's part in who leads; none if it leads in any case. `home` is the namespace of the
    /// Leases if no other is named.
    pub fn election(
        self,
        client: kube::Client,
        home: String,
        clock: Clock,
        metrics: Metrics,
    ) -> anyhow::Result<Option<Election>> {
        if self.no_lease {
            return Ok(None);
        }
        let duration = self.lease_duration.try_into();
        let terms = Terms::new(
            self.lease_namespace.unwrap_or(home),
            self.lease,
            self.shards,
            duration.context("--lease-duration can't be negative")?,
            &report::instance_name(),
        );
        let terms = terms.context("the flags of the Lease are wrong")?;
        Ok(Some(Election::new(client, terms, clock, metrics)))
    }
}
