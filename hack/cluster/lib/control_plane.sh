# shellcheck shell=bash
# etcd, the API server, the controller manager, the scheduler: how each is
# started, and how to tell that it is ready.

# probe URL: it answers with success. Certificates that a component makes for
# itself are not checked; the API server's is, in api().
probe() { curl --silent --fail --insecure --noproxy '*' --max-time 2 --output /dev/null "$1"; }

# api PATH prints the API server's answer to the administrator.
api() {
  curl --silent --fail --noproxy '*' --max-time 5 \
    --cacert "$pki/trusted.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$(api_url)$1"
}

start_etcd() {
  local client=http://127.0.0.1:${port[etcd]} peer=http://127.0.0.1:${port[etcd-peer]}
  # --unsafe-no-fsync: a power cut loses everything, and here nobody minds.
  # Figures measured on this cluster should say so.
  launch etcd "$kube" etcd --name punctual --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn \
    --quota-backend-bytes 8589934592 \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "punctual=$peer"
}

ready_etcd() { probe "http://127.0.0.1:${port[etcd]}/health"; }

start_apiserver() {
  local extra
  read -ra extra <<<"${CLUSTER_APISERVER_FLAGS:-}"
  # It may not advertise loopback; without a node nobody uses what it advertises.
  # audit-log-maxsize=0: one file that is never rotated under its readers.
  launch apiserver "$kube" kube-apiserver \
    --bind-address="$(api_address)" --advertise-address="$bridge_address" --secure-port="${port[apiserver]}" \
    --etcd-servers="http://127.0.0.1:${port[etcd]}" --service-cluster-ip-range="$services" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key" \
    --audit-policy-file="$here/config/audit-policy.yaml" --audit-log-path="$audit_log" --audit-log-maxsize=0 \
    "${extra[@]}"
}

ready_apiserver() { api /readyz; }

# Without higher limits the controller manager throttles itself so much that the
# first ServiceAccount comes 6 s later.
start_kcm() {
  local extra
  read -ra extra <<<"${CLUSTER_KCM_FLAGS---kube-api-qps=500 --kube-api-burst=1000 --concurrent-job-syncs=20}"
  launch kcm "$kube" kube-controller-manager --bind-address=127.0.0.1 --secure-port="${port[kcm]}" --leader-elect=false \
    --kubeconfig="$pki/kcm.kubeconfig" --authentication-kubeconfig="$pki/kcm.kubeconfig" --authorization-kubeconfig="$pki/kcm.kubeconfig" \
    --use-service-account-credentials=true --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/trusted.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --flex-volume-plugin-dir="$dir/volume-plugins" \
    "${extra[@]}"
}

ready_kcm() { probe "https://127.0.0.1:${port[kcm]}/healthz"; }

start_scheduler() {
  local extra
  read -ra extra <<<"${CLUSTER_SCHEDULER_FLAGS---kube-api-qps=1000 --kube-api-burst=2000}"
  launch scheduler "$kube" kube-scheduler --bind-address=127.0.0.1 --secure-port="${port[scheduler]}" --leader-elect=false \
    --kubeconfig="$pki/scheduler.kubeconfig" --authentication-kubeconfig="$pki/scheduler.kubeconfig" --authorization-kubeconfig="$pki/scheduler.kubeconfig" \
    "${extra[@]}"
}

ready_scheduler() { probe "https://127.0.0.1:${port[scheduler]}/healthz"; }

# Until it exists, no pod can be made in the namespace.
default_service_account_exists() { api /api/v1/namespaces/default/serviceaccounts/default; }
