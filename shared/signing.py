"""AWS Signature Version 4, as botocore makes it, in a twentieth of its time.

What changes from one request to the next is little: the derived key is good for a day, the rest of
the work is three digests. https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    access_key: str
    secret_key: str
    token: str | None


def current_credentials() -> Credentials:
    """Those of this moment. Lambda hands a function's role over in the environment; anywhere else,
    botocore finds them where it always does, and renews them when they run out."""
    found = os.environ.get
    if (access_key := found("AWS_ACCESS_KEY_ID")) and (secret := found("AWS_SECRET_ACCESS_KEY")):
        return Credentials(access_key, secret, found("AWS_SESSION_TOKEN") or None)
    frozen = _renewed_by_botocore().get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


@cache
def _renewed_by_botocore() -> Any:
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415 - not needed in Lambda
    from botocore.session import get_session  # noqa: PLC0415

    credentials = get_session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials


class Signer:
    """Signs requests to one service in one region."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region

    def sign(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        moment: float | None = None,
    ) -> dict[str, str]:
        """``headers``, lower-case, ``host`` among them, with everything added that signs them.

        ``path`` is as it goes over the wire, without a query. ``moment``: epoch seconds.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
        signed = {**headers, "x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        lines = "".join(f"{name}:{signed[name]}\n" for name in names)
        together = ";".join(names)
        canonical = (
            # Encoded once more: only S3 takes a path as it is.
            f"{method}\n{quote(path, safe='/~')}\n\n{lines}\n{together}\n{sha256(body).hexdigest()}"
        )
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = _key(credentials.secret_key, stamp[:8], self._region, self._service)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={together}, Signature={signature}"
        )
        return signed


@lru_cache(maxsize=32)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
