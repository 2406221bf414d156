"""The roles that each step in the life of a definition needs (rules 1.4, 1.5, 9.9)."""

from __future__ import annotations

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role


class NotAllowed(Exception):
    """The person does not hold a role that the step needs; the sentence is addressed to them."""


def require_role(by: User | None, *roles: Role, to: str) -> None:
    """Check that `by` holds one of the roles. `by` None is the installation's command line, which may do anything."""
    if by is not None and not holds(by, *roles):
        raise NotAllowed(f"Only {' or '.join(str(role.label) for role in roles)} may {to}.")
