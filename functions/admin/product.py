"""The admin product, in which the other modules register their routes."""

from __future__ import annotations

from shared.pipeline.product import Product

admin = Product("admin")
