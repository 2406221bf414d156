"""The routes of the product by name, as the URL resolver knows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from django.urls import URLPattern, URLResolver, get_resolver


def named(patterns: Iterable[URLPattern | URLResolver], space: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name of each route with the names of its parameters."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from (
                (name, (*pattern.pattern.converters, *rest)) for name, rest in named(pattern.url_patterns, inner)
            )
        elif pattern.name:
            yield space + pattern.name, tuple(pattern.pattern.regex.groupindex)


ROUTES: Final = dict(named(get_resolver().url_patterns))
OURS: Final = sorted(name for name in ROUTES if not name.startswith(("admin:", "account_", "mfa_")))
