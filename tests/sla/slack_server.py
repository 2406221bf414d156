"""What stands in for Slack: a real HTTPS server on this machine, with a certificate of its own."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any


@dataclass
class Channel:
    """What was written to it; `status` is what it answers, `silent` lets it say nothing until the test ends."""

    address: str = ""
    status: int = 200
    silent: bool = False
    lines: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    over: Event = field(default_factory=Event)


@contextmanager
def opened(folder: Path) -> Iterator[Channel]:
    channel = Channel()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(channel))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    channel.address = f"localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield channel
    finally:
        channel.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path) -> tuple[Path, Path]:
    """One for localhost that vouches for itself, and its key."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    if not made.exists():
        named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        paths = ["-keyout", str(key), "-out", str(made)]
        subprocess.run(["openssl", "req", "-x509", *kind, *named, *paths], check=True, capture_output=True)
    return made, key


def _handler(channel: Channel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if channel.silent:
                channel.over.wait(30)
                return
            channel.lines.append(said["text"])
            channel.hosts.append(self.headers["Host"])
            self.send_response(channel.status)
            self.send_header("Location", "https://localhost/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler
