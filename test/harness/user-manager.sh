#!/bin/bash
# Runs one command under a private systemd user manager: its own mounts, processes and control groups, its own
# session bus and journal. Nothing of it outlives the command. Needs root, unshare (util-linux), systemd and dbus.
#
#   user-manager.sh COMMAND [ARG...]
#
# The command sees XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS and an empty HOME; its exit status is the script's.
set -euo pipefail

if [ "${VELOS_TEST_STAGE:-}" != inside ]; then
  [ $# -gt 0 ] || { echo "user-manager.sh: no command" >&2; exit 2; }
  work=$(mktemp -d "${TMPDIR:-/tmp}/velos-um.XXXXXX")
  # A control group of its own, so that what the manager makes can be removed afterwards.
  unified=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
  group=$unified/$(basename "$work")
  mkdir "$group"
  cleanup() {
    for _ in $(seq 50); do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; [ -e "$group" ] || break; sleep 0.05; done
    rm -rf "$work"
  }
  trap cleanup EXIT
  set +e
  VELOS_TEST_STAGE=inside VELOS_TEST_WORK=$work \
    "$(dirname "$0")/one-cpu-group.sh" bash -c 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' enter "$group" \
    unshare --mount --pid --cgroup --fork --kill-child --mount-proc "$0" "$@"
  status=$?
  exit "$status"
fi

unset VELOS_TEST_STAGE
work=$VELOS_TEST_WORK; unset VELOS_TEST_WORK
mount --make-rprivate /
# Only the control groups of this namespace: a manager of our own must not touch the machine's. On a machine whose
# controllers are bound to cgroup v1 this is a unified tree without controllers, which still counts CPU time.
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system
mkdir -p "$work/run" "$work/home"
chmod 700 "$work/run"
export HOME=$work/home XDG_RUNTIME_DIR=$work/run
unset XDG_STATE_HOME XDG_CONFIG_HOME XDG_DATA_HOME NOTIFY_SOCKET LISTEN_FDS LISTEN_PID INVOCATION_ID JOURNAL_STREAM
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --nofork --nopidfile --syslog-only &
# As on a server, where the manager's own messages go to the journal: velosd finds in them what it was not there to see.
log_target=null
if [ -x /lib/systemd/systemd-journald ]; then
  log_target=journal
  mkdir -p /run/systemd/journal
  mount -t tmpfs tmpfs /run/log 2>/dev/null || { mkdir -p /run/log; mount -t tmpfs tmpfs /run/log; }
  mkdir -p /run/log/journal
  /lib/systemd/systemd-journald >/dev/null 2>&1 &
  # A manager that finds no journal when it starts never looks for it again.
  for _ in $(seq 200); do
    [ -S /run/systemd/journal/socket ] && break
    sleep 0.02
  done
fi
/lib/systemd/systemd --user --log-target=$log_target &
manager=$!
for _ in $(seq 200); do
  case $(systemctl --user is-system-running 2>/dev/null || true) in running|degraded) break ;; esac
  kill -0 "$manager" 2>/dev/null || { echo "user-manager.sh: systemd --user did not start" >&2; exit 125; }
  sleep 0.05
done
set +e
"$@"
status=$?
set -e
exit "$status"
