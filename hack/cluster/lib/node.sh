# shellcheck shell=bash
# A real node on this machine: containerd, the kubelet, kube-proxy.

containerd_socket=$run/containerd.sock

ctr() { command ctr --address "$containerd_socket" --namespace k8s.io "$@"; }

start_containerd() {
  mkdir -p "$dir/cni"
  # An image that is not here is a test's mistake or its point: the sandbox
  # image is ours, and nothing is pulled for a node to work.
  cat >"$dir/containerd.toml" <<TOML
version = 2
root = "$dir/containerd"
state = "$run/containerd"
oom_score = 0
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "punctual.local/pause:1"
  # Where we may not lower a process's OOM score, in a container say, don't try.
  restrict_oom_score_adj = true
  # So that everything to unmount lies below one folder.
  netns_mounts_under_state_dir = true
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/opt"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "$(cni_dir)"
  conf_dir = "$dir/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "$(command -v runc)"
  Root = "$run/runc"
  SystemdCgroup = false
TOML
  # No masquerading: pods reach each other, Services and this machine, and
  # nothing beyond it.
  cat >"$dir/cni/10-punctual.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "punctual", "plugins": [
  {"type": "bridge", "bridge": "$bridge", "isDefaultGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$run/ipam",
            "ranges": [[{"subnet": "$net.0.0/16", "rangeStart": "$net.1.1", "gateway": "$bridge_address"}]]}}]}
JSON
  launch containerd containerd --config "$dir/containerd.toml"
}

ready_containerd() { ctr version; }

# Imports everything that build_images made; the names are in the archives.
load_images() {
  local image
  for image in "$@"; do ctr images import "$image" | sed -n 's/^unpacking \([^ ]*\).*/\1/p'; done
}

start_kubelet() {
  cat >"$dir/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $bridge_address
port: ${port[kubelet]}
healthzBindAddress: 127.0.0.1
healthzPort: ${port[kubelet-health]}
containerRuntimeEndpoint: unix://$containerd_socket
# There is no cluster DNS. Asking itself, a pod hears at once that there is none,
# and no Event about it stands beside the ones that a test looks for.
clusterDNS: [127.0.0.1]
clusterDomain: cluster.local
resolvConf: ""
podLogsDir: $dir/pods
volumePluginDir: $dir/volume-plugins
maxPods: 250
# Still common in CI and on older machines, and fine for tests. The older
# Kubernetes takes it without being told, and doesn't know the word.
$(! is_newest || echo failCgroupV1: false)
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
oomScoreAdj: 0
# The disk is somebody's laptop: it may be rather full, and what is imported
# here can't be pulled again.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet-server.crt
tlsPrivateKeyFile: $pki/kubelet-server.key
YAML
  launch kubelet "$kube" kubelet --config="$dir/kubelet.yaml" --kubeconfig="$pki/kubelet.kubeconfig" \
    --hostname-override="$node" --node-ip="$bridge_address" --root-dir="$dir/kubelet"
}

# Its health alone would not do: pods are bound once the node is Ready.
ready_kubelet() { probe "http://127.0.0.1:${port[kubelet-health]}/healthz" && node_is_ready; }

node_is_ready() {
  api "/api/v1/nodes/$node" | jq -e 'any(.status.conditions[]; .type == "Ready" and .status == "True")'
}

start_proxy() {
  local gate=()
  # Where this mode is not yet stable it must be asked for.
  is_newest || gate=(--feature-gates=NFTablesProxyMode=true)
  # The connection tracking limits are the machine's business: zero leaves them.
  launch proxy "$kube" kube-proxy --kubeconfig="$pki/proxy.kubeconfig" --proxy-mode=nftables \
    --cluster-cidr="$net.0.0/16" --hostname-override="$node" --oom-score-adj=0 \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 \
    --healthz-bind-address="127.0.0.1:${port[proxy]}" --metrics-bind-address="127.0.0.1:${port[proxy-metrics]}" "${gate[@]}"
}

ready_proxy() { probe "http://127.0.0.1:${port[proxy]}/healthz"; }

# Containers outlive the kubelet and containerd, by design. Every one is in our
# cgroup; each pod's shim is beside it, and names our containerd.
kill_containers() {
  until_true 20 no_containers_after_killing || fail "some containers do not end: $(cgroup_pids | xargs)"
  remove_shim_sockets
}

no_containers_after_killing() {
  local pids
  pids=$(cgroup_pids; shims)
  [[ -n $pids ]] || return 0
  # shellcheck disable=SC2086  # a list of pids
  kill -KILL $pids 2>/dev/null || true
  return 1
}

shims() {
  local pid argument
  for pid in $(pgrep -x containerd-shim); do
    while IFS= read -r -d '' argument; do
      [[ $argument != "$containerd_socket" ]] || echo "$pid"
    done <"/proc/$pid/cmdline"
  done 2>/dev/null
}

# Shims that were killed leave their sockets, in a folder that containerd does
# not let one choose; each task's own folder says which.
remove_shim_sockets() {
  local address
  for address in "$run"/containerd/io.containerd.runtime.v2.task/k8s.io/*/address; do
    [[ ! -e $address ]] || rm -f "$(sed 's|^unix://||' "$address")"
  done
}
