# shellcheck shell=bash
# A certificate authority, everybody's certificates, and the kubeconfigs.

client_usage='keyUsage=digitalSignature\nextendedKeyUsage=clientAuth'
server_usage='keyUsage=digitalSignature\nextendedKeyUsage=serverAuth'

# In a subshell for its umask: whoever reads these is the administrator.
make_pki() (
  umask 077
  mkdir -p "$pki"
  authority ca
  cp "$pki/ca.crt" "$pki/trusted.crt" # by which the API server is known
  authority proxy-ca # for extension API servers

  api_certificate ca
  certificate kubelet-server "/O=system:nodes/CN=system:node:$node" "$server_usage\nsubjectAltName=DNS:$node,IP:$bridge_address"
  certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client "$client_usage"
  certificate front-proxy /CN=front-proxy-client "$client_usage" proxy-ca
  certificate admin /O=system:masters/CN=admin "$client_usage"
  certificate kcm /CN=system:kube-controller-manager "$client_usage"
  certificate scheduler /CN=system:kube-scheduler "$client_usage"
  certificate proxy /CN=system:kube-proxy "$client_usage"
  certificate kubelet "/O=system:nodes/CN=system:node:$node" "$client_usage"
  certificate kwok /O=system:masters/CN=kwok "$client_usage"

  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/sa.key"
  openssl ec -in "$pki/sa.key" -pubout -out "$pki/sa.pub" 2>/dev/null

  write_kubeconfigs
)

# renew_authority gives the API server a certificate of a new authority, and has everybody trust that
# besides the earlier ones. The clients' certificates stay those of the first.
renew_authority() (
  umask 077
  authority ca-new
  cat "$pki/ca-new.crt" >>"$pki/trusted.crt"
  api_certificate ca-new
  write_kubeconfigs
)

api_certificate() {
  local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  certificate apiserver /CN=kube-apiserver "$server_usage\nsubjectAltName=$names,IP:127.0.0.1,IP:$bridge_address,IP:$kubernetes_service" "$1"
}

write_kubeconfigs() {
  write_kubeconfig admin "$kubeconfig"
  local user
  for user in kcm scheduler proxy kubelet kwok; do write_kubeconfig $user "$pki/$user.kubeconfig"; done
}

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=punctual-$1" \
    -keyout "$pki/$1.key" -out "$pki/$1.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
}

# certificate NAME SUBJECT EXTENSIONS [AUTHORITY]
certificate() {
  local name=$1 subject=$2 extensions=$3 authority=${4:-ca}
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$subject" -keyout "$pki/$name.key" 2>/dev/null |
    openssl x509 -req -CA "$pki/$authority.crt" -CAkey "$pki/$authority.key" -CAcreateserial -days 3650 \
      -extfile <(printf '%b\n' "$extensions") -out "$pki/$name.crt" 2>/dev/null
}

# write_kubeconfig USER FILE. Every context is named punctual: scripts that
# delete things look for that name before they believe that a cluster is ours.
write_kubeconfig() {
  local user=$1 file=$2
  cat >"$file" <<YAML
apiVersion: v1
kind: Config
current-context: punctual
contexts:
- name: punctual
  context: {cluster: punctual, user: $user}
clusters:
- name: punctual
  cluster:
    server: $(api_url)
    certificate-authority-data: $(base64 -w0 "$pki/trusted.crt")
users:
- name: $user
  user:
    client-certificate-data: $(base64 -w0 "$pki/$user.crt")
    client-key-data: $(base64 -w0 "$pki/$user.key")
YAML
}
