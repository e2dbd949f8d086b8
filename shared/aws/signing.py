"""The signature of requests that are made without the SDK's client (AWS Signature Version 4).

The SDK's way to build a signature fits any request. These requests are simple: a path without a
query, and headers whose names and values need no cleaning. Unit tests compare the signatures with
the SDK's.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import NoCredentialsError

from shared.aws import clients

if TYPE_CHECKING:
    from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to one service at one host, with the SDK's credentials.

    service: the name for which the service expects to be signed, for example ``execute-api``.
    host: the host of the requests, with its port, if the URL has one.
    """

    def __init__(self, service: str, region: str, host: str) -> None:
        self._service, self._region, self._host = service, region, host

    def headers(
        self, method: str, path: str, body: bytes, more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return the headers of a request, the signature among them.

        path: the path as it is sent. A service other than S3 expects it to be encoded once more
            in what is signed.
        more: other headers, with names in lower case, which are signed too.

        Raises ``NoCredentialsError`` if the SDK finds no credentials.
        """
        credentials = self._credentials.get_frozen_credentials()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"host": self._host, "x-amz-date": now, **(more or {})}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names = sorted(headers)
        lines = "".join([f"{name}:{headers[name]}\n" for name in names])
        signed, digest = ";".join(names), sha256(body).hexdigest()
        canonical = f"{method}\n{quote(path, safe='/~')}\n\n{lines}\n{signed}\n{digest}"
        scope = f"{now[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{ALGORITHM}\n{now}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = _key(credentials.secret_key, now[:8], self._region, self._service)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    @cached_property
    def _credentials(self) -> Credentials:
        """The SDK's credentials, which it renews before they expire."""
        credentials = clients.session().get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials


@lru_cache(maxsize=8)
def _key(secret: str, *scope: str) -> bytes:
    """Return the key for a day, a region and a service, in this order. It is the same all day."""
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
