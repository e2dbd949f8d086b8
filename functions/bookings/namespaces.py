"""The namespaces of the booking product."""

from __future__ import annotations

from shared.realtime.namespaces import Namespace

CUSTOMER = Namespace("/customer", "CUSTOMER")
PARTNER = Namespace("/partner", "PARTNER")
