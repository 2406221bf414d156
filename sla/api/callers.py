"""The callers of the API of handoffs, plays and reports: who may ask for what."""

from __future__ import annotations

from typing import Final

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from leads.vocabulary import READERS_OF_LEADS
from sla import permissions
from sla.handoffs import reinstatements

_READERS: Final = (Role.SDR, Role.SALES_MANAGER, *permissions.SEE_EVERYTHING)
HANDOFFS: Final = scoped(
    "handoffs:read", "handoffs:write", read_roles=_READERS, write_roles=(Role.SDR, Role.SALES_MANAGER)
)
REPORTS: Final = scoped(
    "reports:read",
    "reports:read",
    read_roles=tuple(Role),
    write_roles=(),
)
REINSTATEMENTS: Final = scoped(
    "facts:read",
    "facts:write",
    read_roles=READERS_OF_LEADS,
    write_roles=reinstatements.REINSTATERS,
    seen_by=READERS_OF_LEADS,
)


def get_caller(request: Request) -> User:
    """Return the person, or the owner of the key in whose name it acts. Raises PermissionDenied for anybody else."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user
