# shellcheck shell=bash
# What a cluster is made of: Debian packages, one Go binary, three images.

source_dir=$here/kube
image_dir=$here/images
save_image=$here/../save-image
# Without these every program would call itself v0.0.0-master. The commit is not
# in the module; what stands for it appears in every request's user agent.
link_flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  link_flags+=" -X $package.gitVersion=v$kube_version"
  link_flags+=" -X $package.gitMajor=${kube_version%%.*} -X $package.gitMinor=$(cut -d. -f2 <<<"$kube_version")"
  link_flags+=" -X $package.gitCommit=v$kube_version -X $package.gitTreeState=clean -X $package.buildDate=2026-01-01T00:00:00Z"
done

# digest prints a short hash of its input.
digest() { sha256sum | cut -c 1-12; }

kube_dir=$cache/kube-$({ cat "$source_dir"/go.mod "$source_dir"/go.sum "$source_dir"/*.go && echo "$link_flags"; } | digest)
bin=$kube_dir/bin
kube=$bin/kube

# build TIER makes, once, all that a cluster with or without a node needs.
build() {
  local tier=$1
  install_packages "$tier"
  build_binary
  [[ $tier == control-plane ]] || build_images
}

# Which command comes from which Debian package. Only what is missing is
# installed, so that another vendor's containerd, say, is left in place.
declare -A package_of_command=([curl]=curl [openssl]=openssl [jq]=jq)
declare -A package_of_node_command=(
  [pgrep]=procps [containerd]=containerd [runc]=runc [iptables]=iptables [nft]=nftables [conntrack]=conntrack [ip]=iproute2 [gcc]=gcc
)

missing_packages() {
  local tier=$1 command
  for command in "${!package_of_command[@]}"; do
    has "$command" || echo "${package_of_command[$command]}"
  done
  [[ $tier == node ]] || return 0
  for command in "${!package_of_node_command[@]}"; do
    has "$command" || echo "${package_of_node_command[$command]}"
  done
  [[ -n $(cni_dir) ]] || echo containernetworking-plugins
  # The other busybox package is linked dynamically: no use in an empty image.
  has busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1 || echo busybox-static
  gcc -print-file-name=libc.a 2>/dev/null | grep -q / || echo libc6-dev
}

has() { command -v "$1" >/dev/null; }

cni_dir() {
  local candidate
  for candidate in /usr/lib/cni /opt/cni/bin; do
    [[ ! -x $candidate/bridge ]] || { echo $candidate; return; }
  done
}

install_packages() {
  local missing
  missing=$(missing_packages "$1" | sort -u | xargs)
  [[ -n $missing ]] || return 0
  has apt-get || fail "needs $missing, and can install them on Debian and Ubuntu only; elsewhere use CLUSTER=kind"
  ((EUID == 0)) || fail "needs root to install $missing"
  say "installing Debian packages: $missing"
  mkdir -p "$cache"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -o DPkg::Lock::Timeout=300)
  # shellcheck disable=SC2086  # a list of packages
  { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends $missing; } >"$cache/apt.log" 2>&1 ||
    fail "apt-get failed: see $cache/apt.log"
}

build_binary() {
  if [[ ! -x $kube ]]; then
    has go || fail "needs Go in PATH, of the version in hack/cluster/kube/go.mod or newer"
    say "building Kubernetes $kube_version: minutes the first time (8 on 2 cores), seconds from Go's own cache"
    mkdir -p "$bin"
    (cd "$source_dir" && CGO_ENABLED=0 GOFLAGS='' go build -mod=readonly -trimpath -ldflags "$link_flags" -o "$kube.new" .)
    mv "$kube.new" "$kube"
  fi
  local name
  for name in kubectl helm; do ln -sfn kube "$bin/$name"; done
}

build_images() {
  images=$cache/images-$({ cat "$image_dir"/*.c "$here/lib/build.sh" "$save_image" "$(command -v busybox)"; } | digest)
  [[ ! -e $images/done ]] || return 0
  say "building the images: busybox:1.36, punctual.local/work:1, punctual.local/pause:1"
  local work
  work=$(mktemp -d "$cache/images.XXXXXX")

  mkdir -p "$work"/{pause,work,busybox}/bin "$images"
  gcc -Os -static -s -Wall -o "$work/pause/bin/pause" "$image_dir/pause.c"
  write_image "$work/pause" pause punctual.local/pause:1 '{"Entrypoint": ["/bin/pause"]}'

  gcc -Os -static -s -Wall -o "$work/work/bin/work" "$image_dir/work.c"
  write_image "$work/work" work punctual.local/work:1 '{"Entrypoint": ["/bin/work"], "User": "65532"}'

  cp "$(command -v busybox)" "$work/busybox/bin/busybox"
  local applet
  for applet in $(busybox --list | grep -vx busybox); do ln -s busybox "$work/busybox/bin/$applet"; done
  write_image "$work/busybox" busybox busybox:1.36 '{"Cmd": ["sh"]}'

  rm -rf "$work"
  touch "$images/done"
}

# write_image ROOT NAME TAG CONFIG writes $images/NAME.tar, with what programs
# expect to find in any image.
write_image() {
  local root=$1 name=$2 tag=$3 config=$4
  mkdir -p "$root"/{etc,tmp,proc,sys,dev}
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  "$save_image" "$root" "$images/$name.tar" "$tag" "$(jq -n --argjson config "$config" '{Env: ["PATH=/bin"]} + $config')"
}
