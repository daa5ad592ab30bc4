"""Starts moto for tests, on the loopback only:

    .venv/bin/python moto-server.py [--port PORT]

Prints `listening on http://127.0.0.1:PORT` when it is ready, and exits when its
standard input ends, so that it never outlives whoever started it.

It is what `moto_server -H 127.0.0.1 -p PORT` runs, which takes no port 0: asking
for a port that is free and starting on it later would be a race.
"""

import argparse
import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


class Handler(MotoRequestHandler):
    """Answers, and keeps the connection, as AWS does; says nothing of it."""

    protocol_version = "HTTP/1.1"

    def log(self, *_args: object) -> None:
        pass


def end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    port = arguments.parse_args().port

    threading.Thread(target=end_with_input, daemon=True).start()
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Handler)
    print(f"listening on http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()


main()
