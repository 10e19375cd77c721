#!/bin/sh
# A worker without a port: takes one job after the other, and finishes the one it has when it is told to stop.
#
#     velos start worker.sh -i 2 --kill-timeout 30s
#     velos reload worker
#
# It cannot say whether it works, so between two instances a reload waits until kill_timeout + 2 s have passed; set
# `pause` in [apps.worker.rollout] to another time. What it prints is in `velos logs worker`.

stopping=
trap 'stopping=1' TERM

echo "worker ${VELOS_INSTANCE_ID:-?} begins"
while [ -z "$stopping" ]; do
  # The job. In the background, since a shell hears a signal only when the program before it has ended.
  sleep "${JOB_SECONDS:-1}" &
  job=$!
  wait "$job" || wait "$job"
done
echo "worker ${VELOS_INSTANCE_ID:-?} has finished its last job"
