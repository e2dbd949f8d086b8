"""The push product, in which the other modules register their routes."""

from __future__ import annotations

from shared.pipeline.deployment import Access, TableSpec
from shared.pipeline.product import Product

MAY_FORGET = Access({"devices": "DeleteItem Query", "people": "UpdateItem"}, may="delete-endpoint")
"""What code needs that forgets a device."""

push = Product(
    "push",
    tables=[TableSpec("devices", "owner", "item", expires=True, only_with="pushes")],
    access=MAY_FORGET | Access({"devices": "GetItem PutItem"}, may="create-endpoint set-endpoint"),
)
