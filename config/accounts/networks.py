"""Networks that requests come from, as limits count them (rules 16.17, 18.8)."""

from __future__ import annotations

import ipaddress
from typing import Final

#: One subscriber has all addresses of a network of this length, and could take a new one for each request.
_IPV6_PREFIX: Final = 64


def network_of(address: str) -> str:
    """Return an IPv4 address as it is, and the network of an IPv6 address; a text that is neither stays."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip.packed, _IPV6_PREFIX), strict=False).network_address)
