"""The headers that the edge adds for the stack behind it.

The edge is CloudFront in AWS and ``local/edge.py`` on a developer's machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from ipaddress import IPv6Network, ip_address

from shared.settings import settings

KEY_HEADER = "Switchboard-Edge-Key"
"""The header with the key that proves that a request comes through our edge. It is not named
``X-Edge-…``, because CloudFront refuses to send headers with that prefix:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html"""

ADDRESS_HEADER = "Switchboard-Client-Address"

PREFIX = 64


def client_address(peer: str, headers: Mapping[str, str]) -> str:
    """Return the address of the client.

    This is the address of the peer. If the request has the edge's key, it is the address that the
    edge reports instead. ``headers`` have lower-case names.
    """
    key = settings().edge_key
    shown = headers.get(KEY_HEADER.lower(), "")
    if not key or not compare_digest(shown.encode(), key.encode()):
        return peer
    return headers.get(ADDRESS_HEADER.lower()) or peer


def network_of(address: str) -> str:
    """Return what handshakes are counted by: an IPv4 address, or the /64 of an IPv6 address.

    A provider gives each of its customers a /64 at least, so one client has all addresses in it.
    Returns a text that is no address as it is.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    mapped = ip.ipv4_mapped
    return str(mapped or IPv6Network((int(ip), PREFIX), strict=False))
