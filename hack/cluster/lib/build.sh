# shellcheck shell=bash
# What a cluster is made of: Debian packages, a Go binary, three images. An older
# Kubernetes has a binary of its own, beside the newest, which has helm and kwok.

source_dir=$here/kube
image_dir=$here/images
save_image=$here/../save-image
# digest prints a short hash of its input.
digest() { sha256sum | cut -c 1-12; }

# choose_binary sets where the programs of this cluster's Kubernetes are, and
# where the newest's are.
choose_binary() {
  [[ -e $(module_file "$kubernetes") ]] || fail "can't build Kubernetes $kubernetes, only $(versions)"
  kube_dir=$(kube_dir_of "$kubernetes")
  bin=$kube_dir/bin
  kube=$bin/kube
  newest_kube=$(kube_dir_of "$newest")/bin/kube
}

# module_file MINOR: what pins every module of it.
module_file() {
  if [[ $1 == "$newest" ]]; then echo "$source_dir/go.mod"; else echo "$source_dir/$1.mod"; fi
}

# versions prints what can be built.
versions() {
  local file older=
  for file in "$source_dir"/[0-9]*.mod; do older+=" and $(basename "$file" .mod)"; done
  echo "$newest$older"
}

version_of() { sed -n 's|^\tk8s.io/kubernetes v||p' "$(module_file "$1")"; }

# build_tag_of MINOR: files of the program that belong to one version name it.
build_tag_of() { echo "kube${1/./_}"; }

kube_dir_of() {
  local module
  module=$(module_file "$1")
  echo "$cache/kube-$({ cat "$module" "${module%.mod}.sum" "$source_dir"/*.go && link_flags_of "$1"; } | digest)"
}

# Without these every program would call itself v0.0.0-master. The commit is not
# in the module; what stands for it appears in every request's user agent.
link_flags_of() {
  local version package flags="-s -w"
  version=$(version_of "$1")
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$version"
    flags+=" -X $package.gitMajor=${1%.*} -X $package.gitMinor=${1#*.}"
    flags+=" -X $package.gitCommit=v$version -X $package.gitTreeState=clean -X $package.buildDate=2026-01-01T00:00:00Z"
  done
  echo "$flags"
}

# build TIER makes, once, all that a cluster with or without a node needs.
build() {
  local tier=$1
  install_packages "$tier"
  build_binary "$newest"
  is_newest || build_binary "$kubernetes"
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
  local minor=$1 folder
  folder=$(kube_dir_of "$minor")/bin
  if [[ ! -x $folder/kube ]]; then
    has go || fail "needs Go in PATH, of the version in hack/cluster/kube/go.mod or newer"
    say "building Kubernetes $(version_of "$minor"): minutes the first time (8 on 2 cores), seconds from Go's own cache"
    mkdir -p "$folder"
    CGO_ENABLED=0 GOFLAGS='' go build -C "$source_dir" -mod=readonly -modfile="$(module_file "$minor")" \
      -tags "$(build_tag_of "$minor")" -trimpath -ldflags "$(link_flags_of "$minor")" -o "$folder/kube.new" .
    mv "$folder/kube.new" "$folder/kube"
  fi
  ln -sfn kube "$folder/kubectl"
  ln -sfn "$newest_kube" "$folder/helm"
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
