"""Who calls, and whether over TLS, where proxies stand in front: what a proxy says is believed only from those that are named.

SLIPWAY_TRUSTED_PROXIES names them, by address or network; SLIPWAY_PROXY_HOPS says how many of them stand in a row. The
address that so many entries from the right of `X-Forwarded-For` name was written by the outermost one of ours; what stands
further left is the caller's own word and can be anything.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest

from .middleware import DualMiddleware, GetResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxyMiddleware(DualMiddleware):
    """Puts the caller's address into REMOTE_ADDR, and takes the forwarding headers of everybody else away.

    So whatever looks at the address afterwards sees the same one: the audit, the limit of failed sign-ins, throttles.
    """

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._trusted = networks(settings.TRUSTED_PROXIES)

    def before(self, request: HttpRequest) -> None:
        """Rewrite the request's environment before anybody has read it."""
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        peer = parse_address(request.META.get("REMOTE_ADDR", ""))
        if peer is None or not any(peer in network for network in self._trusted):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)  # read by SECURE_PROXY_SSL_HEADER
            return
        hops = forwarded.split(",")
        caller = parse_address(hops[-settings.PROXY_HOPS]) if len(hops) >= settings.PROXY_HOPS else None
        if caller is not None:
            request.META["REMOTE_ADDR"] = str(caller)


def networks(names: Iterable[str]) -> list[Network]:
    """Return the networks that addresses or networks in CIDR notation name.

    Raises:
        ValueError: one of them is neither.
    """
    return [ipaddress.ip_network(name.strip(), strict=False) for name in names]


def parse_address(text: str) -> Address | None:
    """Return the address that a hop names, with or without its port, None where that is no address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
