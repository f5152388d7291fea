# shellcheck shell=bash
# What a node changes on the machine that it runs on, and how that is undone:
# a bridge, cgroups, kernel settings, packet filter rules, mounts.

# The kubelet, kube-proxy and the bridge plugin write these.
kernel_settings=(
  kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes vm.overcommit_memory
  net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects # the first changes the second
  net.ipv4.conf.all.route_localnet net.netfilter.nf_conntrack_tcp_be_liberal
)

# Where the kubelet, containerd and the CNI library leave things whatever they
# are told, innermost first.
stray_folders=(
  /var/log/containers /var/lib/kubelet/device-plugins /var/lib/kubelet
  /var/lib/cni/results /var/lib/cni /run/containerd/s /run/containerd
)

prepare_machine() {
  mkdir -p "$before"
  local setting
  for setting in "${kernel_settings[@]}"; do
    sysctl -q "$setting" 2>/dev/null || true # not every kernel has every one
  done >"$before/sysctl"
  nft list tables >"$before/nft-tables"
  { ls -d "${stray_folders[@]}" 2>/dev/null || true; } >"$before/folders"

  ip link add "$bridge" type bridge
  # Whose bridge it is, for a `down` or `up` with another CLUSTER_DIR.
  ip link set "$bridge" alias "$dir"
  ip addr add "$bridge_address/16" dev "$bridge"
  ip link set "$bridge" up
  # Services need some route before kube-proxy's rules can turn them elsewhere.
  ip route add "$services" dev "$bridge"

  make_cgroups
}

check_root() {
  ((EUID == 0)) || fail "a node needs root (bridge, cgroups, mounts): use sudo -E, or up --no-node, or CLUSTER=kind"
}

# Two clusters with nodes would share one packet filter and one bridge.
check_machine() {
  if ip link show "$bridge" >/dev/null 2>&1; then
    fail "the bridge $bridge belongs to the cluster in $(bridge_owner): end that one first"
  fi
  ! nft list table ip kube-proxy >/dev/null 2>&1 ||
    fail "another kube-proxy works in this network namespace (nft table ip kube-proxy); use --no-node here"
  local taken
  taken=$(ip -o route show root "$net.0.0/16"; ip -o route show root "$services")
  [[ -z $taken ]] || fail "the addresses $net.0.0/16 or $services are in use (${taken%% *}): set CLUSTER_NET, say to 10.89"
}

bridge_owner() { ip -o link show "$bridge" 2>/dev/null | sed -n 's/.*\\ *alias //p'; }

cgroups_are_v2() { [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]; }

# cgroup_roots prints the mount point of every hierarchy, old and new.
cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts; }

# The kubelet wants its root to exist in every hierarchy that it uses.
make_cgroups() {
  local root
  if cgroups_are_v2; then
    # A controller reaches the pods only if every group above passes it on.
    mkdir -p "/sys/fs/cgroup/$cgroup"
    local group controller
    for group in /sys/fs/cgroup "/sys/fs/cgroup/$cgroup"; do
      for controller in $(<"$group/cgroup.controllers"); do
        echo "+$controller" >"$group/cgroup.subtree_control" 2>/dev/null || true # some cannot be
      done
    done
    return
  fi
  for root in $(cgroup_roots); do mkdir -p "$root/$cgroup"; done
}

# restore_machine undoes all of it, whatever of it was done; every process of
# the cluster has ended.
restore_machine() {
  unmount_below "$dir"
  if [[ $(bridge_owner) == "$dir" ]]; then
    remove_bridge
    remove_packet_filter
  fi
  remove_cgroups
  remove_strays
  [[ ! -s $before/sysctl ]] || sysctl -q -p "$before/sysctl" >/dev/null
}

unmount_below() {
  local mount
  while read -r mount; do
    umount "$mount" 2>/dev/null || umount --lazy "$mount"
  done < <(awk -v below="$1/" 'index($2, below) == 1 {print $2}' /proc/mounts | sort -r)
}

remove_bridge() {
  local port
  for port in $(ip -o link show master "$bridge" | awk -F '[ :@]+' '{print $2}'); do
    ip link delete "$port" 2>/dev/null || true # it goes with its pod's namespace too
  done
  ip link delete "$bridge"
}

# kube-proxy keeps to tables of its own. The kubelet writes chains of its own
# into tables that others may use as well: those go only if they were not there
# before and nothing else is left in them.
remove_packet_filter() {
  local family table chain iptables
  for family in ip ip6; do
    ! nft list table $family kube-proxy >/dev/null 2>&1 || nft delete table $family kube-proxy
    iptables=${family/ip/iptables} && iptables=${iptables/iptables6/ip6tables}
    for table in mangle filter nat; do
      nft list table $family $table >/dev/null 2>&1 || continue
      for chain in INPUT OUTPUT; do "$iptables" -t $table -D $chain -j KUBE-FIREWALL 2>/dev/null || true; done
      for chain in KUBE-FIREWALL KUBE-KUBELET-CANARY KUBE-IPTABLES-HINT; do
        ! "$iptables" -t $table -F $chain 2>/dev/null || "$iptables" -t $table -X $chain
      done
      grep -qx "table $family $table" "$before/nft-tables" || holds_rules $family $table || nft delete table $family $table
    done
  done
}

# holds_rules FAMILY TABLE: there is more in it than the standard empty chains.
holds_rules() {
  nft -j list table "$1" "$2" 2>/dev/null | jq -e '
    any(.nftables[]; has("rule") or has("set") or has("map") or (.chain | . != null and .hook == null))' >/dev/null
}

# remove_strays removes our own files from those folders, and then the folders
# that were not there before and are empty now.
remove_strays() {
  local result id folder
  find /var/log/containers -lname "$dir/*" -delete 2>/dev/null || true
  for result in /var/lib/cni/results/punctual-*-eth0; do
    id=${result##*/punctual-} && id=${id%-eth0}
    rm -f "$result" "/var/lib/cni/results/cni-loopback-$id-lo"
  done
  was_there /var/lib/kubelet || rm -f /var/lib/kubelet/device-plugins/kubelet.sock
  for folder in "${stray_folders[@]}"; do
    was_there "$folder" || [[ ! -d $folder ]] || rmdir --ignore-fail-on-non-empty "$folder"
  done
}

was_there() { grep -qxF "$1" "$before/folders"; }

cgroup_pids() {
  local root
  for root in $(cgroup_roots); do
    [[ ! -d $root/$cgroup ]] || find "$root/$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

remove_cgroups() {
  local root
  for root in $(cgroup_roots); do
    [[ ! -d $root/$cgroup ]] || find "$root/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
