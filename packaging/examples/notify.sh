#!/bin/sh
# A program that says itself when it is ready, by systemd-notify, in any language that can start another program.
#
#     velos start notify.sh --wait-ready --listen-timeout 30s
#
# `velos start` returns, and a reload goes on, when READY=1 has come; after listen_timeout without it the start failed.

echo "loading"
sleep "${LOAD_SECONDS:-1}"
systemd-notify --ready
echo "ready"
exec sleep infinity
