"""Who may take which step in the life of a definition (rules 1.4, 1.5, 9.9)."""

from __future__ import annotations

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role


class NotAllowed(Exception):
    """This person does not hold the role that the step asks for; the sentence is for them."""


def require(by: User | None, *roles: Role, to: str) -> None:
    """`by` None is the command line of the installation, which may do anything."""
    if by is not None and not holds(by, *roles):
        raise NotAllowed(f"Only {' or '.join(str(role.label) for role in roles)} may {to}.")
