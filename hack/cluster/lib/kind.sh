# shellcheck shell=bash
# The same verbs by kind, for machines where Docker and kind work.
#
# UNTESTED where this was written: no container engine runs there. The kind
# configuration follows kind's documentation of auditing and of kubeadm patches.

kind_name=punctual

kind_main() {
  local verb=$1 tool
  shift
  for tool in docker kind kubectl; do has $tool || fail "CLUSTER=kind needs $tool in PATH"; done
  case $verb in
    up) kind_up ;;
    down) kind_down ;;
    status) kind_status ;;
    env) kind_env ;;
    build) kind_build ;;
    load) for archive in "$@"; do kind load image-archive "$archive" --name $kind_name; done ;;
    kubectl) KUBECONFIG=$kubeconfig kubectl "$@" ;;
    *) fail "CLUSTER=kind knows up, down, status, env, build, load and kubectl, but not $verb" ;;
  esac
}

kind_runs() { kind get clusters 2>/dev/null | grep -qx $kind_name; }

kind_build() {
  docker build --quiet --tag punctual.local/work:1 "$here/images"
  docker pull --quiet busybox:1.36
}

kind_up() {
  lock
  if kind_runs; then
    say "already up: export KUBECONFIG=$kubeconfig"
    return
  fi
  mkdir -p "$logs"
  say "building and pulling the images"
  kind_build
  say "creating the kind cluster $kind_name"
  kind_config >"$dir/kind.yaml"
  kind create cluster --name $kind_name --config "$dir/kind.yaml" --kubeconfig "$kubeconfig" --wait 120s
  # The name by which scripts recognise a cluster of ours.
  kubectl config rename-context kind-$kind_name punctual --kubeconfig "$kubeconfig"
  kind load docker-image busybox:1.36 punctual.local/work:1 --name $kind_name
  say "up: export KUBECONFIG=$kubeconfig"
}

kind_down() {
  lock
  if ! kind_runs; then
    say "not running"
    return
  fi
  kind delete cluster --name $kind_name --kubeconfig "$kubeconfig"
  # The API server's container wrote the audit log, as root.
  rm -rf "$dir" 2>/dev/null || say "left behind: $dir"
  say "down"
}

kind_status() {
  if ! kind_runs; then
    echo "not running"
    return 1
  fi
  echo "kubeconfig  $kubeconfig"
  KUBECONFIG=$kubeconfig kubectl get nodes --request-timeout=5s
}

kind_env() {
  kind_runs || fail "not running: run up first"
  cat <<SH
export KUBECONFIG=$kubeconfig
export CLUSTER_DIR=$dir
export CLUSTER_AUDIT_LOG=$audit_log
export CLUSTER_NODE=$kind_name-control-plane
SH
}

# kubeadm's two configuration versions write a component's flags differently;
# kind uses the patch that fits the version it runs, and ignores the other.
kind_config() {
  local volumes='extraVolumes:
      - {name: audit-policy, hostPath: /etc/kubernetes/audit-policy.yaml, mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true, pathType: File}
      - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, pathType: DirectoryOrCreate}'
  cat <<YAML
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - {hostPath: $here/config/audit-policy.yaml, containerPath: /etc/kubernetes/audit-policy.yaml, readOnly: true}
  - {hostPath: $logs, containerPath: /var/log/kubernetes}
  kubeadmConfigPatches:
  - |
    apiVersion: kubeadm.k8s.io/v1beta3
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        audit-policy-file: /etc/kubernetes/audit-policy.yaml
        audit-log-path: /var/log/kubernetes/audit.log
        audit-log-maxsize: "0"
      $volumes
  - |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
      - {name: audit-policy-file, value: /etc/kubernetes/audit-policy.yaml}
      - {name: audit-log-path, value: /var/log/kubernetes/audit.log}
      - {name: audit-log-maxsize, value: "0"}
      $volumes
YAML
}
