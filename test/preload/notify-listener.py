"""Stands in for systemd's notification sockets. Reads a path a line, listens there, prints `path<TAB>message`."""
import os
import selectors
import socket
import sys

selector = selectors.DefaultSelector()
selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
unread = b""
while True:
    for key, _ in selector.select():
        if key.data is None:
            chunk = os.read(key.fd, 65536)
            if not chunk:
                sys.exit()
            *paths, unread = (unread + chunk).split(b"\n")
            for path in map(bytes.decode, paths):
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                listener.bind(path)
                selector.register(listener, selectors.EVENT_READ, path)
                print(path, "LISTENING", sep="\t", flush=True)
        else:
            # A descriptor that comes along, systemd-notify's barrier, is closed by not being received.
            for line in key.fileobj.recv(4096).decode().splitlines():
                print(key.data, line, sep="\t", flush=True)
