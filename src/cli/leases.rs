//! The flags that say how replicas of the controller agree who leads.

use anyhow::Context;
use clap::{ArgAction, Args, builder::BoolishValueParser};
use jiff::SignedDuration;
use punctual::{
    clock::Clock,
    cluster::{
        lease::{DEFAULT_NAME, Election, Terms, name_for},
        report,
    },
    metrics::Metrics,
};

/// Which Leases there are, if any.
#[derive(Args)]
pub struct LeaseFlags {
    /// The Lease by which several replicas agree who leads. Those of shards begin with its name.
    /// Up to 40 lower-case letters, digits and -.
    #[arg(
        long,
        env = "PUNCTUAL_LEASE",
        value_name = "NAME",
        default_value = DEFAULT_NAME
    )]
    lease: String,

    /// The namespace of the Lease. Default: that of the pod that this runs in, and then --namespace is
    /// part of the Lease's name; outside of a pod the one of --namespace or the kubeconfig's context.
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

    /// Into how many parts the schedules are divided among the replicas, each with a Lease of its own:
    /// 1 to 64, the same for all replicas. 1: one replica leads, and the others stand by.
    #[arg(long, env = "PUNCTUAL_SHARDS", value_name = "N", default_value_t = 1)]
    shards: usize,

    /// Lead without a Lease, whoever else does. That is as safe, but replicas do the same work.
    #[arg(
        long,
        env = "PUNCTUAL_NO_LEASE",
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    no_lease: bool,
}

/// Where the Leases are if nobody says so.
pub struct Home<'a> {
    /// The namespace of the pod, or of the kubeconfig's context.
    pub namespace: &'a str,
    pub in_pod: bool,
    /// The only namespace that is looked after.
    pub watched: Option<&'a str>,
}

impl Home<'_> {
    /// The namespace and the name of the Lease.
    fn lease(&self, namespace: Option<String>, name: String) -> (String, String) {
        match (namespace, self.watched) {
            (Some(namespace), _) => (namespace, name),
            // There we may write Leases, and so may controllers for other namespaces.
            (None, Some(watched)) if self.in_pod => {
                (self.namespace.into(), name_for(&name, watched))
            }
            (None, watched) => (watched.unwrap_or(self.namespace).into(), name),
        }
    }
}

impl LeaseFlags {
    /// This replica's part in who leads; none if it leads in any case. `home` is
    /// where the Leases are if no other place is named.
    pub fn election(
        self,
        client: kube::Client,
        home: Home<'_>,
        clock: Clock,
        metrics: Metrics,
    ) -> anyhow::Result<Option<Election>> {
        if self.no_lease {
            return Ok(None);
        }
        let duration = self.lease_duration.try_into();
        let (namespace, name) = home.lease(self.lease_namespace, self.lease);
        let terms = Terms::new(
            namespace,
            name,
            self.shards,
            duration.context("--lease-duration can't be negative")?,
            &report::instance_name(),
        );
        let terms = terms.context("the flags of the Lease are wrong")?;
        Ok(Some(Election::new(client, terms, clock, metrics)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_where_they_may_be_written() {
        let lease = |in_pod, watched, named: Option<&str>| {
            let namespace = "own";
            let home = Home {
                namespace,
                in_pod,
                watched,
            };
            let (namespace, name) = home.lease(named.map(Into::into), "punctual".into());
            format!("{namespace}/{name}")
        };
        assert_eq!(lease(true, Some("team-a"), None), "own/punctual-team-a");
        assert_eq!(lease(true, None, None), "own/punctual");
        assert_eq!(lease(false, Some("team-a"), None), "team-a/punctual");
        assert_eq!(lease(false, None, None), "own/punctual");
        assert_eq!(lease(true, Some("team-a"), Some("there")), "there/punctual");
    }
}
