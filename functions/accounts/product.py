"""The accounts product, in which the other modules register their handlers and routes."""

from __future__ import annotations

from shared.pipeline.deployment import Access
from shared.pipeline.product import Product

accounts = Product(
    "accounts",
    access=Access(
        {
            "accounts": "GetItem UpdateItem",
            "connections": "GetItem UpdateItem",
            "people": "GetItem UpdateItem",
        },
        may="invoke-disconnect",
    ),
)
