"""Rights on a review: to read it, work on its record, escalate and decide it (rules 8.27, 8.30, 8.33)."""

from __future__ import annotations

from typing import Final

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Review, ReviewParticipant
from definitions.permissions import NotAllowed
from leads.vocabulary import READERS_OF_LEADS

#: Roles that open reviews, work on all of them and escalate them.
OPENERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
LEADERS: Final = (Role.MARKETING_LEADER, Role.SALES_LEADER)


def takes_part(user: User, review: Review) -> bool:
    """Return whether the person sits at the table, or is the named decider."""
    if review.escalated_to_id == user.pk:
        return True
    return ReviewParticipant.objects.filter(review=review, person=user, removed_at__isnull=True).exists()


def may_read(user: User, review: Review) -> bool:
    return holds(user, *READERS_OF_LEADS) or (user.is_active and takes_part(user, review))


def may_work(user: User, review: Review) -> bool:
    """Return whether the person may tick, name gaps, change who takes part, set the meeting, block and unblock."""
    return holds(user, *OPENERS) or (user.is_active and takes_part(user, review))


def may_escalate(user: User, review: Review) -> bool:
    """Return whether the person may name a decider. An escalated review is passed on by its decider, while they are active."""
    if review.escalated_to is not None and review.escalated_to.is_active:
        return review.escalated_to_id == user.pk
    return holds(user, *OPENERS)


def may_decide(user: User, review: Review) -> bool:
    """Return whether the person decides: one of the leaders, or the decider to whom it was escalated."""
    if review.escalated_to_id is not None:
        return user.is_active and review.escalated_to_id == user.pk
    return holds(user, *LEADERS)


def require_worker(user: User, review: Review) -> None:
    """Check that the person may work on the review. Raises NotAllowed."""
    if not may_work(user, review):
        raise NotAllowed("Only Marketing ops, the leaders and whoever takes part in a review may work on its record.")
