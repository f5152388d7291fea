//! Real runs on a real node: how each end and each obstacle is told, and the schedule file at work.
//!
//! Run with `cargo test --test cluster_node`, on the cluster that `KUBECONFIG` names.

mod cluster;

fn main() {
    cluster::run([])
}
