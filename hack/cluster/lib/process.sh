# shellcheck shell=bash
# Saying, waiting, and processes: started, recorded, recognised and ended.

# Elapsed time counts from the start of the command.
began=${EPOCHREALTIME/[.,]/}

say() {
  local elapsed=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
  printf '%4d.%ds  %s\n' $((elapsed / 10)) $((elapsed % 10)) "$*"
}

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# until_true SECONDS COMMAND... tries ten times a second.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# started_at PID prints the process's start time, in ticks since boot, unless
# it is gone or a zombie. Pid and start time together are never used again.
started_at() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # The second field, the program's name, may contain spaces and brackets.
  read -ra stat <<<"${stat##*) }"
  [[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

# launch NAME COMMAND... starts a component in a session of its own, so that
# neither Ctrl-C nor a closed terminal ends it, and records which process it is.
launch() {
  local name=$1
  shift
  ! alive "$name" || return 0
  # The components talk to each other only; containerd alone may pull.
  local unset_proxy=(env -u HTTP_PROXY -u HTTPS_PROXY -u http_proxy -u https_proxy)
  [[ $name != containerd ]] || unset_proxy=(env)
  # Descriptor 9 is the lock, which must not outlive this command.
  setsid "${unset_proxy[@]}" "$@" >>"$logs/$name.log" 2>&1 </dev/null 9<&- &
  echo "$! $(started_at $!)" >"$run/$name.pid"
}

# recorded NAME prints the pid that was recorded, alive or not.
recorded() {
  local pid=
  { read -r pid _ <"$run/$1.pid"; } 2>/dev/null || true
  echo "$pid"
}

# alive NAME: the recorded process still runs, and is not another one that the
# kernel has since given the same pid.
alive() {
  local pid start
  { read -r pid start <"$run/$1.pid"; } 2>/dev/null || return 1
  [[ -n $start && $(started_at "$pid") == "$start" ]]
}

# end NAME kills a component. Always SIGKILL: the API server would drain its
# watches for a minute, and nothing here has anything to save.
end() {
  local name=$1
  if alive "$name"; then
    kill -KILL "$(recorded "$name")" 2>/dev/null || true
    until_true 10 not alive "$name" || fail "$name (pid $(recorded "$name")) does not end"
  fi
  rm -f "$run/$name.pid"
}

not() { ! "$@"; }

# await NAME SECONDS waits until the component is ready, and gives up at once
# when its process has ended.
await() {
  local name=$1 seconds=$2
  until_true "$seconds" ready_or_dead "$name" || why_not "$name" "is not ready after $seconds s"
  alive "$name" || why_not "$name" "has ended"
  say "$name is ready"
}

ready_or_dead() { ! alive "$1" || "ready_$1"; }

why_not() {
  {
    echo "cluster: $1 $2; the end of $logs/$1.log:"
    tail -n 8 "$logs/$1.log" | cut -c 1-300 | sed 's/^/  /'
  } >&2
  exit 1
}

# One command at a time changes clusters or the cache; the others wait.
lock() {
  mkdir -p "$cache"
  exec 9<"$cache"
  flock --nonblock 9 || {
    say "waiting for another cluster command to end"
    flock 9
  }
}
