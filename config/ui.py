"""Template components and the page's shell; a template builtin. Imports no app."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from config.web import roles_of

register = template.Library()


def shell(request: HttpRequest) -> dict[str, Any]:
    """What base.html shows on every page."""
    user = getattr(request, "user", None)
    return {"roles": roles_of(user) if user is not None else frozenset()}
