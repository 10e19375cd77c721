"""A Python web application behind gunicorn, which takes over the socket that velos holds.

    apt-get install gunicorn
    velos start gunicorn --name wsgi -i 2 --listen 8000 --wait-ready -- wsgi:application
    velos reload wsgi        # one instance after the other, no request lost

The directory of this file must be the working directory (`--cwd`). gunicorn knows the variables that say which sockets
are handed over (LISTEN_FDS) and takes them without being told; `--bind fd://3` on top of it would take the first one
twice. It says by itself when it is ready (READY=1), hence `--wait-ready`, and when it is told to stop it answers what
it has begun.
"""

import os


def application(environ, start_response):
    """The application: it knows nothing of velos."""
    body = f"hello from instance {os.environ.get('VELOS_INSTANCE_ID', '?')} (pid {os.getpid()})\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
