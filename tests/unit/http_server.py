"""A strict HTTP/1.1 server on loopback, which answers as it is told and keeps what it was asked."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.issuer import ec_key

CLOSE = -1
"""In place of a status: close the connection without an answer."""
NONSENSE = -2
"""In place of a status: answer what is not HTTP, and leave the connection open."""


Given = int | tuple[int, bytes]


@dataclass
class ScriptedServer:
    """``answers``: status, or status and body, one a request; 200 when there is none. ``answer``
    decides where it is set, from the path, and may take its time."""

    url: str = ""
    answers: list[Given] = field(default_factory=list)
    answer: Callable[[str], Given] | None = None
    asked: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)
    hang_up_after: bool = False
    """Close every connection after its answer, without saying so in the answer."""

    dead: set[Any] = field(default_factory=set)
    """The peers whose connection is closed without an answer to their next request."""

    answered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released with every answer that has gone out."""

    hung_up: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released whenever that has been done."""

    def next_answer(self, path: str) -> Given:
        if self.answer:
            return self.answer(path)
        return self.answers.pop(0) if self.answers else 200


class Certificate:
    """For 127.0.0.1, signed by itself."""

    def __init__(self, folder: Path) -> None:
        self.path, self._key = folder / "certificate.pem", folder / "key.pem"
        key, name = ec_key("server"), x509.Name([])
        now = datetime.now(UTC)
        address = x509.IPAddress(ip_address("127.0.0.1"))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.path.write_bytes(certificate.public_bytes(Encoding.PEM))
        self._key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self._key)
        return context


@contextmanager
def serving(tls: Certificate | None = None) -> Iterator[ScriptedServer]:
    told = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = [name.lower() for name in self.headers]
            assert len(names) == len(set(names)), names
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.asked.append((self.command, self.path, body, headers))
            if self.client_address in told.dead:
                self.close_connection = True
                return
            told.peers.add(self.client_address)
            answer = told.next_answer(self.path)
            status, text = answer if isinstance(answer, tuple) else (answer, b"")
            if status == CLOSE:
                self.close_connection = True
                return
            if status == NONSENSE:
                self.wfile.write(b"nonsense\r\n\r\n")
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            told.answered.release()
            self.close_connection = told.hang_up_after

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # nobody waits any more
                super().handle_error(request, client_address)

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            told.hung_up.release()

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
