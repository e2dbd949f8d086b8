"""A strict HTTP/1.1 server on loopback that gives scripted answers and records its requests."""

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
"""In place of a status: answer with bytes that are not HTTP, and leave the connection open."""


ScriptedAnswer = int | tuple[int, bytes]


@dataclass
class ScriptedServer:
    """The script of a server, and the requests that the server has received.

    answers: a status, or a status and a body, one per request; 200 if none is left.
    answer: if it is set, it decides on the answer from the path, and may block.
    asked: method, path, body and headers of every request.
    peers: the client's address of every connection.
    """

    url: str = ""
    answers: list[ScriptedAnswer] = field(default_factory=list)
    answer: Callable[[str], ScriptedAnswer] | None = None
    asked: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)
    hang_up_after: bool = False
    """Close every connection after its answer, without a header that announces it."""

    dead: set[Any] = field(default_factory=set)
    """The peers whose connection is closed without an answer to their next request."""

    answered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released after every answer."""

    hung_up: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released whenever the server has closed a connection."""

    def next_answer(self, path: str) -> ScriptedAnswer:
        if self.answer:
            return self.answer(path)
        return self.answers.pop(0) if self.answers else 200


class Certificate:
    """A self-signed certificate for 127.0.0.1."""

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
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = [name.lower() for name in self.headers]
            assert len(names) == len(set(names)), names
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append((self.command, self.path, body, headers))
            if self.client_address in script.dead:
                self.close_connection = True
                return
            script.peers.add(self.client_address)
            answer = script.next_answer(self.path)
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
            script.answered.release()
            self.close_connection = script.hang_up_after

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # the client has gone away
                super().handle_error(request, client_address)

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            script.hung_up.release()

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    script.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
