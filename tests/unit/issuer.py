"""An issuer of tokens: real keys, and a real server on loopback that publishes them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one key per name for the whole test run: making a key takes long."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """Return one key per name and curve for the whole test run."""
    return ec.generate_private_key(curve())


def jwk(key: PrivateKey, kid: str | None, **more: str) -> dict[str, Any]:
    """Return the public half of a key, as an issuer publishes it."""
    public = (
        RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        if isinstance(key, rsa.RSAPrivateKey)
        else ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    )
    named = {} if kid is None else {"kid": kid}
    return {**public, **named, **more}


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(**values: Any) -> dict[str, Any]:
    """Return valid claims. ``values`` replace claims; the value None removes a claim."""
    good = {"sub": "u1", "role": "USER", "name": "Ulla", "exp": int(time.time()) + 600}
    return {name: value for name, value in {**good, **values}.items() if value is not None}


def sign(key: PrivateKey | str, algorithm: str, kid: str | None = None, **values: Any) -> str:
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(claims(**values), key, algorithm=algorithm, headers=headers)


class Publisher:
    """An issuer's server of published keys.

    status, body: its answer to every request.
    asked: how many requests it has received.
    seconds: how long it waits before it answers.
    """

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.asked = 0
        self.seconds = 0.0
        self.url = ""

    def publish(self, *keys: dict[str, Any]) -> None:
        self.status, self.body = 200, json.dumps({"keys": keys}).encode()

    @contextmanager
    def serving(self) -> Iterator[Publisher]:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked += 1
                time.sleep(publisher.seconds)
                self.send_response(publisher.status)
                if publisher.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(publisher.body)))
                self.end_headers()
                with suppress(BrokenPipeError):  # the client has given up
                    self.wfile.write(publisher.body)

            def log_message(self, *_: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown()
