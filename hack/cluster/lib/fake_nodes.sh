# shellcheck shell=bash
# Fake nodes: kwok plays the kubelet for nodes that do not exist, so that
# thousands of pods cost no more than their API objects.

start_kwok() {
  { "$newest_kube" kwok-stages && echo --- && cat "$here/config/kwok-complete.yaml"; } >"$dir/kwok.yaml"
  launch kwok "$newest_kube" kwok --kubeconfig="$pki/kwok.kubeconfig" --config="$dir/kwok.yaml" \
    --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --server-address="127.0.0.1:${port[kwok]}"
}

ready_kwok() { probe "http://127.0.0.1:${port[kwok]}/healthz"; }

# fake_nodes COUNT makes sure that fake-1 to fake-COUNT exist.
fake_nodes() {
  local count=$1 i
  start_kwok
  await kwok 60
  for ((i = 1; i <= count; i++)); do
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: fake-$i
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {type: kwok, kubernetes.io/hostname: fake-$i}
spec:
  taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]
status:
  allocatable: &size {cpu: "64", memory: 256Gi, pods: "1000"}
  capacity: *size
YAML
  done | kubectl apply -f - >/dev/null
  until_true 120 fake_nodes_ready "$count" || fail "the fake nodes are not Ready after 120 s: see $logs/kwok.log"
  say "$count fake nodes are ready: taint kwok.x-k8s.io/node=fake:NoSchedule, label type=kwok"
}

fake_nodes_ready() {
  api '/api/v1/nodes?labelSelector=type%3Dkwok' | jq -e --argjson want "$1" \
    '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length >= $want'
}
