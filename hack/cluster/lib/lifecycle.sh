# shellcheck shell=bash
# The verbs that concern the whole cluster: up, down, status, env.

cluster_up() {
  local want=$1 # "node" or "control-plane"
  lock
  check_settings
  if [[ -e $run/complete ]] && alive etcd; then
    already_up "$want"
    return
  fi
  build "$([[ $want == node ]] && echo yes || echo no)"
  clean_up_after_a_failed_start
  check_ports
  [[ $want == control-plane ]] || check_machine

  mkdir -p "$run" "$logs"
  # `down` deletes a folder only if it finds this file in it.
  echo "$want" >"$dir/tier"
  say "making certificates"
  make_pki

  start_etcd
  if [[ $want == node ]]; then
    say "preparing this machine for a node: bridge $bridge, cgroups, kernel settings"
    prepare_machine
    start_containerd
  fi
  start_apiserver
  [[ $want == control-plane ]] || { await containerd 60; say "imported $(load_images "$images"/*.tar | xargs)"; }
  await apiserver 120

  start_kcm
  start_scheduler
  [[ $want == control-plane ]] || { start_kubelet; start_proxy; start_kwok; }
  await kcm 60
  await scheduler 60
  until_true 60 default_service_account_exists || fail "the default ServiceAccount is not there after 60 s: see $logs/kcm.log"
  say "pods can be made"
  [[ $want == control-plane ]] || { await proxy 60; await kwok 60; await kubelet 120; }
  touch "$run/complete"
  say "up: export KUBECONFIG=$kubeconfig"
}

already_up() {
  local want=$1 name
  if [[ $want == node && $(tier) != node ]]; then
    fail "the cluster in $dir is up without a node: run down first, or choose another CLUSTER_DIR and CLUSTER_PORT"
  fi
  # What was stopped by hand, or has crashed, comes back.
  for name in "${control_plane[@]}" $(has_node && echo "${node_programs[@]}" kwok); do
    alive "$name" || { "start_$name"; await "$name" 120; }
  done
  say "already up: export KUBECONFIG=$kubeconfig"
}

clean_up_after_a_failed_start() {
  [[ -e $dir ]] || return 0
  [[ -e $dir/tier || -z $(ls -A "$dir") ]] || fail "$dir holds something else than a cluster: choose another CLUSTER_DIR"
  [[ ! -e $dir/tier ]] || { say "cleaning up after an earlier start that did not end well"; remove_everything; }
}

check_ports() {
  local name taken=
  for name in "${!port[@]}"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/${port[$name]}") 2>/dev/null; then taken+=" ${port[$name]} ($name)"; fi
  done
  [[ -z $taken ]] || fail "in use by another program: port$taken; set CLUSTER_PORT (ten ports from there on, now $base_port)"
}

cluster_down() {
  lock
  check_settings
  if [[ ! -e $dir/tier ]]; then
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
  if [[ ! -e $dir/tier ]]; then
    echo "not running"
    return 1
  fi
  echo "API server  $(api_url)"
  echo "kubeconfig  $kubeconfig"
  for name in "${control_plane[@]}" $(has_node && echo "${node_programs[@]}") kwok; do
    if alive "$name"; then
      echo "$name $(recorded "$name") running"
    elif [[ $name == kwok && ! -e $run/kwok.pid ]]; then
      continue # fake-nodes starts it
    else
      echo "$name - STOPPED"
      healthy=1
    fi
  done | awk '{printf "%-11s %-8s pid %s\n", $1, $3, $2}'
  for name in "${control_plane[@]}" $(has_node && echo "${node_programs[@]}"); do alive "$name" || healthy=1; done
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
export CLUSTER_NODE=$(has_node && echo "$node")
export PATH=$bin:\$PATH
SH
  # The bridge is not loopback: a proxy must be told to leave it alone.
  [[ -z ${HTTPS_PROXY:-}${https_proxy:-} ]] || cat <<SH
export NO_PROXY=$(api_address)\${NO_PROXY:+,\$NO_PROXY}
export no_proxy=$(api_address)\${no_proxy:+,\$no_proxy}
SH
}
