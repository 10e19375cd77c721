#!/bin/bash
# Runs a command, and all that it starts, in one group of the processor's scheduler, as the services of a server are: with
# unified control groups systemd has them in groups with the controller `cpu`. On a machine whose processes are in no such
# group the kernel makes one of each session (sched_autogroup), so each instance is scheduled against all others, and now
# and then one that could run does not for seconds, while another has a processor to itself (seen with Linux 6.18: half a
# second of work in 0 ms and 494 ms). Nothing that is measured or waited for is worth much then.
#
#   one-cpu-group.sh COMMAND [ARG...]
#
# Where there is no such group to be had, or there is one already, it only runs the command.
set -uo pipefail

[ $# -gt 0 ] || { echo "one-cpu-group.sh: no command" >&2; exit 2; }
root=$(awk '$3 == "cgroup" && ("," $4 ",") ~ /,cpu,/ { print $2; exit }' /proc/mounts 2>/dev/null)
own=$(awk -F: '("," $2 ",") ~ /,cpu,/ { print $3; exit }' /proc/self/cgroup 2>/dev/null)
if [ -z "$root" ] || [ "$own" != / ]; then exec "$@"; fi
group=$root/velos-test-$$
mkdir "$group" 2>/dev/null || exec "$@"
leave() {
  # What has outlived the command goes on where it would have been.
  for pid in $(cat "$group/cgroup.procs"); do echo "$pid" >"$root/cgroup.procs" 2>/dev/null; done
  for _ in $(seq 100); do rmdir "$group" 2>/dev/null && return; sleep 0.02; done
}
trap leave EXIT
echo $$ >"$group/cgroup.procs"
"$@"
