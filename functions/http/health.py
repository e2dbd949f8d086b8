"""The HTTP route that reports that the stack answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.pipeline.http import HttpRequest
from shared.pipeline.product import Product

http = Product("http")


class Health(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of a stack that runs."""

    status: Literal["ok"]


@http.route("GET /health", who="anybody")
def health(_: HttpRequest) -> Health:
    """Return that the stack answers."""
    return Health("ok")
