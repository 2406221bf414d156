from __future__ import annotations

from scoring.models.blind_check import BlindCheck, BlindCheckAnswer, BlindCheckLead
from scoring.models.blind_rule import BlindRule, BlindRuleKind, BlindRuleQuerySet
from scoring.models.hand_raise import HandRaise, HandRaiseQuerySet
from scoring.models.qualification import (
    LATE_FROM,
    AccountQualification,
    AccountQualificationQuerySet,
    Qualification,
    QualificationQuerySet,
)
from scoring.models.receipt_key import ReceiptKey
from scoring.models.recency_validation import RecencyState, RecencyValidation, RecencyValidationQuerySet
from scoring.models.score import Score, Shortfall, ShortfallKind
from scoring.models.upgrade import HotUpgrade, HotUpgradeQuerySet, TierUpgrade, TierUpgradeQuerySet

__all__ = [
    "LATE_FROM",
    "AccountQualification",
    "AccountQualificationQuerySet",
    "BlindCheck",
    "BlindCheckAnswer",
    "BlindCheckLead",
    "BlindRule",
    "BlindRuleKind",
    "BlindRuleQuerySet",
    "HandRaise",
    "HandRaiseQuerySet",
    "HotUpgrade",
    "HotUpgradeQuerySet",
    "Qualification",
    "QualificationQuerySet",
    "ReceiptKey",
    "RecencyState",
    "RecencyValidation",
    "RecencyValidationQuerySet",
    "Score",
    "Shortfall",
    "ShortfallKind",
    "TierUpgrade",
    "TierUpgradeQuerySet",
]
