"""Slack's incoming webhooks: the only request that Accord sends to an address which a person typed (rules 18.3).

The address is a secret: anybody who has it may write to the channel. It appears in no error and no log line.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS: Final = 3.0
ADDRESS_AT_MOST: Final = 300
#: Only the first line of the answer is needed, and at most this many bytes of it are read.
ANSWER_AT_MOST: Final = 1024
ADDRESSES_AT_MOST: Final = 3
SHOWN_OF_A_SECRET: Final = 4

#: A function that returns whether an IP address may be connected to.
Guard: TypeAlias = Callable[[str], bool]

_PRINTABLE: Final = re.compile(r"[!-~]+")
_SUCCESS: Final = range(200, 300)
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Slack makes links of bare addresses and domains, and mentions of names; a character without width keeps them apart.
_WOULD_LINK: Final = re.compile(r"(?<=\w)\.(?=\w)|:(?=//)|@")
_JOINER: Final = "\u2060"


class BadWebhook(ValueError):
    """An address that alerts may not be sent to; names the rule."""


class NotDelivered(Exception):
    """A message that Slack did not accept; says why without the address."""


def check_webhook(url: str) -> None:
    """Check the address. Raises BadWebhook with the rule that it breaks."""
    if len(url) > ADDRESS_AT_MOST or not _PRINTABLE.fullmatch(url):
        raise BadWebhook(f"The address must be at most {ADDRESS_AT_MOST} plain characters, without spaces.")
    parts = _split_url(url)
    if parts.scheme != "https":
        raise BadWebhook("The address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise BadWebhook("The address must not carry a user name or a password.")
    hosts = settings.SLACK_WEBHOOK_HOSTS
    if parts.netloc.lower() not in hosts:
        raise BadWebhook(f"The address must be one of {', '.join(hosts)}.")
    if len(parts.path) <= 1 or parts.fragment:
        raise BadWebhook("The address is incomplete: copy all of it from Slack, https://hooks.slack.com/services/….")


def mask_webhook(url: str) -> str:
    """Return the part of the secret address that may be shown."""
    if not url:
        return ""
    parts = _split_url(url)
    *names, secret = parts.path.split("/")[1:]
    # As people know it from Slack: /services/T…/B…/ and the secret proper.
    shown_path = "".join(f"{name if place == 0 else name[:1] + '…'}/" for place, name in enumerate(names[:2]))
    return f"{parts.netloc}/{shown_path}…{secret[-SHOWN_OF_A_SECRET:]}"


def quote_text(text: str) -> str:
    """Return outside text as one line of plain text: no link, no mention, no control sequence of mrkdwn."""
    plain = _WOULD_LINK.sub(lambda match: match[0] + _JOINER, " ".join(text.split()))
    return re.sub("[&<>]", lambda match: _ENTITIES[match[0]], plain)


def is_public(address: str) -> bool:
    """Return whether the IP address is neither this machine, nor in its network, nor a tunnel to them."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _GLOBAL_V6 and ip.is_global and ip.sixtofour is None and ip.teredo is None
    return ip.is_global and not ip.is_multicast


def post_message(url: str, text: str, *, may_reach: Guard = is_public) -> None:
    """Post `text`, which is mrkdwn already, to the channel behind the webhook.

    The name is resolved once and the connection made to the very address that was checked. No redirect is followed.
    Raises BadWebhook, and NotDelivered when Slack refuses or does not answer.
    """
    check_webhook(url)
    parts = _split_url(url)
    try:
        status = _request_status(parts, json.dumps({"text": text}).encode(), may_reach)
    except TimeoutError:
        raise NotDelivered(f"No answer within {SECONDS:.0f} seconds") from None
    except ssl.SSLError:
        raise NotDelivered("The encrypted connection failed") from None
    except (OSError, http.client.HTTPException, UnicodeError):
        raise NotDelivered("No connection") from None
    if status not in _SUCCESS:
        raise NotDelivered(f"HTTP {status}")


class _ToCheckedAddresses(http.client.HTTPSConnection):
    """An HTTPS connection with the name's certificate, SNI and Host whose socket goes to one of the checked addresses."""

    def __init__(self, host: str, port: int, addresses: Sequence[str]) -> None:
        self._tls = ssl.create_default_context()
        self._addresses = addresses
        super().__init__(host, port, timeout=SECONDS, context=self._tls)

    def connect(self) -> None:
        plain = _connect(self._addresses, self.port)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    """Connect to the first address that answers: a name may have an IPv6 address that this machine cannot reach."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), SECONDS / len(addresses))
    return socket.create_connection((last, port), SECONDS)


def _request_status(parts: SplitResult, body: bytes, may_reach: Guard) -> int:
    host, port = parts.hostname or "", parts.port or 443
    connection = _ToCheckedAddresses(host, port, _resolve_addresses(host, port, may_reach))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json", "User-Agent": "Accord"})
        return _read_status(connection.sock)
    finally:
        connection.close()


def _resolve_addresses(host: str, port: int, may_reach: Guard) -> Sequence[str]:
    addresses = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)][:ADDRESSES_AT_MOST]
    if not addresses or not all(may_reach(address) for address in addresses):
        raise BadWebhook("The address leads to a private network.")
    return addresses


def _read_status(sock: socket.socket) -> int:
    """Read the answer's status within SECONDS, however slowly the bytes arrive."""
    deadline, line = time.monotonic() + SECONDS, b""
    while b"\n" not in line and len(line) < ANSWER_AT_MOST:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        received = sock.recv(ANSWER_AT_MOST - len(line))
        if not received:
            break
        line += received
    status_line = _STATUS.match(line)
    if status_line is None:
        raise NotDelivered("An answer that is none")
    return int(status_line[1])


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadWebhook("This is no address.") from None
    return parts
