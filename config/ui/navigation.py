"""The shell of every page: navigation and unread notices, for base.html."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from config.accounts.roles import holds, roles_of
from config.accounts.vocabulary import Role

MARKETING: Final = (
    Role.MARKETING_OPS,
    Role.MARKETING_LEADER,
    Role.SALES_LEADER,
    Role.SALES_MANAGER,
    Role.VIEWER,
)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation. No roles: everybody's. Pages under its own address or one of `within` are in it.

    With `before_accounts` it is shown to these roles always, and to the others once a definition judges companies. With
    `until_read` it is shown to who has not read a version that is in force (rules 9.32).
    """

    label: str
    name: str
    roles: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    before_accounts: tuple[str, ...] = ()
    until_read: bool = False


PLACES: Final = (
    Place("Queue", "queue", (Role.SDR, Role.SALES_MANAGER), within=("/handoffs/",)),
    Place(
        "Today", "today", (Role.SALES_MANAGER, Role.MARKETING_OPS), within=("/values/", "/duplicates/", "/set-aside/")
    ),
    Place("Onboarding", "onboarding", (*MARKETING, Role.SDR), within=("/glossary/",), until_read=True),
    Place("Overview", "overview", MARKETING),
    Place("Unrouted", "unrouted", (Role.SALES_MANAGER,)),
    Place("Plays", "plays", (Role.SDR, *MARKETING), before_accounts=(Role.MARKETING_OPS, Role.SALES_MANAGER)),
    Place("Leads", "lead_list", MARKETING, within=("/companies/",)),
    Place("MALs", "mals", MARKETING),
    Place("Imports", "import_list", (Role.MARKETING_OPS,)),
    Place("Nurture", "nurture", (*MARKETING, Role.SDR)),
    Place(
        "Definition",
        "definition",
        within=(
            "/definitions/",
            "/backtests/",
            "/comparisons/",
            "/replays/",
            "/quick-figures/",
            "/blind-rules/",
            "/blind-checks/",
        ),
    ),
    Place("Reviews", "reviews", MARKETING, within=("/suppressions/",)),
    Place("Reports", "sla_report", (*MARKETING, Role.SDR), within=("/reports/", "/costs/")),
    Place("Rules", "rules", (*MARKETING, Role.SDR), within=("/commitments/", "/calendars/", "/routing/")),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    is_current: bool


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the context that base.html needs on every page; navigation and counts are computed on first use only."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"roles": frozenset(), "now": timezone.now()}
    return {
        "roles": roles_of(user),
        "now": timezone.now(),
        "nav": partial(navigation, request),
        "unread": cache(partial(unread_notices, user)),
    }


def navigation(request: HttpRequest) -> list[Link]:
    allowed = [place for place in PLACES if not place.roles or holds(request.user, *place.roles)]
    return [_link(place, request.path) for place in allowed if _is_in_use(place, request)]


def _is_in_use(place: Place, request: HttpRequest) -> bool:
    if place.until_read:
        return _has_to_read(request.user)
    if not place.before_accounts or holds(request.user, *place.before_accounts):
        return True
    # By name, because nothing in the cellar imports an app.
    definitions = apps.get_model("definitions", "Definition").objects
    return bool(definitions.filter(motion="aql").exists())


def _has_to_read(user: Any) -> bool:
    """Tell whether a version is in force that the person has not read."""
    active = apps.get_model("definitions", "Version").objects.active()
    return bool(active.exclude(acknowledgements__person=user).exists())


def unread_notices(user: Any) -> int:
    return user.notices.filter(read_at__isnull=True).count()  # type: ignore[no-any-return]  # the user is typed Any


def _link(place: Place, path: str) -> Link:
    url = reverse(place.name)
    return Link(place.label, url, is_current=path.startswith((url, *place.within)))
