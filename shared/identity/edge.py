"""What the edge tells the stack behind it: CloudFront in AWS, ``local/edge.py`` elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

from shared.settings import settings

KEY_HEADER = "Switchboard-Edge-Key"
"""Not ``X-Edge-…``, which CloudFront refuses to send:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html"""

ADDRESS_HEADER = "Switchboard-Client-Address"


def client_address(peer: str, headers: Mapping[str, str]) -> str:
    """The client's address: the peer's, or what our own edge says of its peer, which it proves to
    be with its key. ``headers`` by lower-case name."""
    key = settings().edge_key
    shown = headers.get(KEY_HEADER.lower(), "")
    if not key or not compare_digest(shown.encode(), key.encode()):
        return peer
    return headers.get(ADDRESS_HEADER.lower()) or peer
