"""The product, for the modules that register with it."""

from __future__ import annotations

from shared.pipeline.deployment import Access
from shared.pipeline.product import Product

accounts = Product(
    "accounts",
    access=Access(
        {"accounts": "GetItem UpdateItem", "people": "GetItem UpdateItem"}, may="invoke-disconnect"
    ),
)
