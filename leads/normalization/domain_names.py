"""The spelling of domain names, the domains above a host, and the hosts that are nobody's own domain (rules 13.24)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import Final

import idna
from publicsuffixlist import PublicSuffixList

_CACHED: Final = 50_000
#: The full stops that UTS 46 reads as one.
_DOTS: Final = ".\u3002\uff0e\uff61"
_PORT = re.compile(r":\d*$")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?")


@lru_cache(maxsize=_CACHED)
def to_ascii(host: str) -> str:
    """Return the one spelling of a host: in lower case, `xn--bcher-kva.example` for `Bücher.example`, no trailing dot.

    Raises UnicodeError for characters that no domain can have.
    """
    clean = host.lower() if host.isascii() else idna.encode(host.strip(_DOTS), uts46=True).decode("ascii")
    return clean.strip(".")


@lru_cache(maxsize=_CACHED)
def to_letters(host: str) -> str:
    """Return a host as people read it: `bücher.example` for `xn--bcher-kva.example`.

    A host stays as it is where letters of another script could pass for Latin ones.
    """
    if "xn--" not in host:
        return host
    try:
        shown = idna.decode(host)
    except UnicodeError:
        return host
    scripts = {unicodedata.name(letter, "").startswith("LATIN") for letter in shown if letter.isalpha()}
    return shown if len(scripts) == 1 else host


def address_to_letters(address: str) -> str:
    """Return an e-mail address with its domain as people read it."""
    local, at, host = address.rpartition("@")
    return f"{local}{at}{to_letters(host)}"


def is_domain(host: str) -> bool:
    """Tell whether an ASCII host has the form of a domain: two labels or more, and no address in numbers."""
    return _DOMAIN.fullmatch(host) is not None


def split_url(url: str) -> tuple[str, str]:
    """Return the host of a web address or domain as it is written, and the path after it, in lower case.

    The scheme, user, port and www. are cut.
    """
    clean = url.strip().lower().replace("\\", "/")
    clean = clean.partition("://")[2] or clean.removeprefix("//")
    authority, _, path = clean.partition("/")
    if "?" in authority or "#" in authority:
        authority, path = re.split(r"[?#]", authority, maxsplit=1)[0], ""
    host = _PORT.sub("", authority.rpartition("@")[2])
    return host.strip(f" {_DOTS}").removeprefix("www."), path


@lru_cache(maxsize=_CACHED)
def domains_above(host: str) -> tuple[str, ...]:
    """Return the host and the domains above it, down to the one that was registered: mail.acme.co.uk, acme.co.uk."""
    registered = _public_suffixes().privatesuffix(host)
    if not registered or registered == host:
        return (host,)
    labels = host.split(".")
    above = [".".join(labels[start:]) for start in range(len(labels))]
    return tuple(above[: above.index(registered) + 1])


@lru_cache(maxsize=_CACHED)
def is_public_suffix(host: str) -> bool:
    """Tell whether everybody can register a domain below this one, as below co.uk."""
    return _public_suffixes().publicsuffix(host) == host and _registries().publicsuffix(host) == host


@lru_cache(maxsize=_CACHED)
def is_shared(host: str, path: str = "") -> bool:
    """Tell whether a page at this host belongs to one user of many, as at a social network or a site builder."""
    hosts, paths = _shared_hosts()
    labels = host.split(".")
    suffixes = [".".join(labels[start:]) for start in range(len(labels))]
    # `amazon.*` covers amazon.de and amazon.co.uk, so up to two labels stand behind the name.
    names = suffixes + [
        f"{'.'.join(labels[start:-end])}.*"
        for end in (1, 2)
        for start in range(len(labels) - end)
        if end == 1 or (len(labels[-1]) == _COUNTRY_CODE and labels[-2] in _SECOND_LEVELS)
    ]
    if not hosts.isdisjoint(names) or not hosts.isdisjoint(f"*.{above}" for above in suffixes[1:]):
        return True
    first = path.partition("/")[0].partition("?")[0]
    return bool(first) and any((name, first) in paths or (name, "*") in paths for name in names)


_COUNTRY_CODE: Final = 2
_SECOND_LEVELS: Final = frozenset({"co", "com", "net", "org"})


@cache
def _public_suffixes() -> PublicSuffixList:
    # Built on first use: reading the list takes a fifth of a second.
    return PublicSuffixList()


@cache
def _registries() -> PublicSuffixList:
    # The suffixes of registries alone: firms have their own site at some of the other ones.
    return PublicSuffixList(only_icann=True)


@cache
def _shared_hosts() -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    text = resources.files("leads.reference_data").joinpath("shared_hosts.txt").read_text(encoding="utf-8")
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    hosts = frozenset(entry for entry in entries if "/" not in entry)
    paths = frozenset((host, path) for host, _, path in (entry.partition("/") for entry in entries) if path)
    return hosts, paths
