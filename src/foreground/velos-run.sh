#!/bin/sh
# `velos run` as the first process of a container. That process inherits every process whose parent has ended, and has
# to take note of their ends, which Node cannot and a shell does. Signals are passed on; the exit code is velos's.
here=$(dirname "$(readlink -f "$0")")
# Set by `velos run` itself where it finds that it is the first process: its words are complete then.
if [ -z "$VELOS_RUN_NODE" ]; then
  VELOS_RUN_NODE=node
  set -- run "$@"
fi
node=$VELOS_RUN_NODE
unset VELOS_RUN_NODE
# What comes before velos runs is passed on when it does.
for signal in TERM INT QUIT HUP USR1 USR2; do
  # shellcheck disable=SC2064
  trap "kill -$signal \"\$velos\" 2>/dev/null" "$signal"
done
"$node" -- "$here/velos.cjs" "$@" <&0 &
velos=$!
while :; do
  wait "$velos"
  code=$?
  # A signal ends the wait, too; a process that was waited for is gone.
  kill -0 "$velos" 2>/dev/null || exit "$code"
done
