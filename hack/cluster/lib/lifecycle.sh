# shellcheck shell=bash
# The verbs that concern the whole cluster: up, down, status, env.

cluster_up() {
  local want=$1 # "node" or "control-plane"
  lock
  check_settings
  choose # again: another command may have ended since
  if [[ -e $run/complete ]] && alive etcd; then
    already_up "$want"
    return
  fi
  [[ $want == control-plane ]] || check_root
  build "$want"
  clean_up_after_a_failed_start
  check_ports
  [[ $want == control-plane ]] || check_machine

  tier=$want
  keep_choice
  mkdir -p "$run" "$logs"
  say "making certificates"
  make_pki

  # The control plane and the node's container runtime, side by side.
  start_etcd
  if has_node; then
    say "preparing this machine for a node: bridge $bridge, cgroups, kernel settings"
    prepare_machine
    start_containerd
  fi
  start_apiserver
  if has_node; then
    await containerd 60
    say "imported $(load_images "$images"/*.tar | xargs)"
  fi
  await apiserver 120

  start_kcm
  start_scheduler
  if has_node; then
    start_kubelet
    start_proxy
    start_kwok
  fi
  await kcm 60
  await scheduler 60
  until_true 60 default_service_account_exists || why_not kcm "has made no default ServiceAccount in 60 s"
  say "pods can be made"
  if has_node; then
    await proxy 60
    await kwok 60
    await kubelet 120
  fi
  touch "$run/complete"
  say "up: export KUBECONFIG=$kubeconfig"
}

already_up() {
  local want=$1 name
  if [[ $want == node ]] && ! has_node; then
    fail "the cluster in $dir is up without a node: run down first, or choose another CLUSTER_DIR and CLUSTER_PORT"
  fi
  [[ ${CLUSTER_KUBERNETES:-$kubernetes} == "$kubernetes" ]] ||
    fail "the cluster in $dir is up with Kubernetes $kubernetes: run down first, or choose another CLUSTER_DIR and CLUSTER_PORT"
  # What was stopped by hand, or has crashed, comes back.
  for name in $(components); do
    alive "$name" || { "start_$name"; await "$name" 120; }
  done
  say "already up: export KUBECONFIG=$kubeconfig"
}

# new_authority leaves no component that doesn't trust the new one, but pods that run learn of it from
# the kubelet alone. Containers go on.
new_authority() {
  renew_authority
  local name
  for name in $(components); do
    case $name in
      etcd | containerd) ;; # they don't talk to the API server
      *)
        end "$name"
        "start_$name"
        await "$name" 120
        ;;
    esac
  done
}

clean_up_after_a_failed_start() {
  if exists; then
    say "cleaning up after an earlier start that did not end well"
    remove_everything
    choose
  elif [[ -e $dir && -n $(ls -A "$dir") ]]; then
    fail "$dir holds something else than a cluster: choose another CLUSTER_DIR"
  fi
}

check_ports() {
  local name taken=
  for name in $(printf '%s\n' "${!port[@]}" | sort); do
    if (exec 3<>"/dev/tcp/127.0.0.1/${port[$name]}") 2>/dev/null; then taken+=" ${port[$name]} ($name)"; fi
  done
  [[ -z $taken ]] || fail "in use by another program: port$taken; set CLUSTER_PORT (ten ports from there on, now $base_port)"
}

cluster_down() {
  lock
  check_settings
  choose
  if ! exists; then
    say "not running"
    return
  fi
  say "ending the cluster in $dir"
  remove_everything
  say "down"
}

remove_everything() {
  local name
  # The kubelet first, else it starts again what is being killed.
  for name in kubelet kwok proxy containerd scheduler kcm apiserver etcd; do end "$name"; done
  if [[ -d $before ]]; then
    kill_containers
    restore_machine
  fi
  rm -rf --one-file-system "$dir"
}

# Succeeds if the cluster is up and every component of it runs.
cluster_status() {
  local name healthy=0
  if ! exists; then
    echo "not running"
    return 1
  fi
  echo "Kubernetes  $(version_of "$kubernetes")"
  echo "API server  $(api_url)"
  echo "kubeconfig  $kubeconfig"
  for name in $(components); do
    if alive "$name"; then
      printf '%-11s running, pid %s\n' "$name" "$(recorded "$name")"
    else
      printf '%-11s STOPPED\n' "$name"
      healthy=1
    fi
  done
  [[ -e $run/complete ]] || { echo "did not finish starting"; healthy=1; }
  kubectl get nodes --request-timeout=5s 2>&1 || healthy=1
  return $healthy
}

cluster_env() {
  [[ -e $run/complete ]] || fail "not running: run up first"
  cat <<SH
export KUBECONFIG=$kubeconfig
export CLUSTER_DIR=$dir
export CLUSTER_AUDIT_LOG=$audit_log
export KUBECACHEDIR=$kube_cache
export CLUSTER_NODE=$(has_node && echo "$node")
export PATH=$bin:\$PATH
SH
  # The bridge is not loopback: a proxy must be told to leave it alone.
  [[ -z ${HTTPS_PROXY:-}${https_proxy:-} ]] || cat <<SH
export NO_PROXY=$(api_address)\${NO_PROXY:+,\$NO_PROXY}
export no_proxy=$(api_address)\${no_proxy:+,\$no_proxy}
SH
}
