# shellcheck shell=bash
# Every name, path, address and port of the cluster, and what overrides it.

cache=${PUNCTUAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/punctual}
dir=${CLUSTER_DIR:-$cache/cluster}
run=$dir/run     # recorded processes, sockets
logs=$dir/log    # one file per component, and audit.log
pki=$dir/pki     # keys and certificates
before=$dir/before # what the machine was like, for `down` to restore
chosen=$dir/chosen # what this cluster was started with; also marks the folder as ours
kubeconfig=$dir/kubeconfig
audit_log=$logs/audit.log
# kubectl remembers an address's resource types for minutes: too long when the
# next cluster has the same address.
kube_cache=$dir/kube-cache

newest=1.37 # as in kube/go.mod; an older one has a module file of its name

bridge=punctual0
services=10.96.0.0/16
kubernetes_service=10.96.0.1
node=punctual-node
cgroup=punctual # made at the root of every cgroup hierarchy

control_plane=(etcd apiserver kcm scheduler)
node_programs=(containerd kubelet proxy)

# choose sets what differs from cluster to cluster. One that exists keeps what
# it was started with, whatever the environment says now.
choose() {
  tier=none # or: node, control-plane
  kubernetes=
  base_port=${CLUSTER_PORT:-26443}
  net=${CLUSTER_NET:-10.88} # the first two octets of the pods' network
  [[ ! -e $chosen ]] || read -r tier base_port net kubernetes <"$chosen"
  kubernetes=${kubernetes:-${CLUSTER_KUBERNETES:-$newest}}
  choose_binary

  bridge_address=$net.0.1
  declare -gA port=(
    [apiserver]=$base_port
    [etcd]=$((base_port + 1))
    [etcd-peer]=$((base_port + 2))
    [kcm]=$((base_port + 3))
    [scheduler]=$((base_port + 4))
    [kubelet]=$((base_port + 5))
    [kubelet-health]=$((base_port + 6))
    [proxy]=$((base_port + 7))
    [proxy-metrics]=$((base_port + 8))
    [kwok]=$((base_port + 9))
  )
}

keep_choice() {
  mkdir -p "$dir"
  echo "$tier $base_port $net $kubernetes" >"$chosen"
}

exists() { [[ -e $chosen ]]; }

has_node() { [[ $tier == node ]]; }

is_newest() { [[ $kubernetes == "$newest" ]]; }

# components prints what this cluster consists of, in starting order.
components() {
  echo "${control_plane[@]}"
  ! has_node || echo "${node_programs[@]}" kwok
}

# The API server listens where its clients are and nowhere else: pods can reach
# the bridge, and without pods nothing but loopback is needed.
api_address() { if has_node; then echo "$bridge_address"; else echo 127.0.0.1; fi; }

api_url() { echo "https://$(api_address):${port[apiserver]}"; }

check_settings() {
  # Unix sockets lie below it, and their paths end at 108 bytes.
  ((${#dir} <= 64)) || fail "CLUSTER_DIR is too long for the sockets in it (64 characters at most): $dir"
  [[ $dir == /* && $dir != *[[:space:]]* ]] || fail "CLUSTER_DIR must be an absolute path without spaces: $dir"
}
