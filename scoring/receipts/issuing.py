"""The issue of receipts: a signed statement, and on request the facts and rules to recompute it from (rules 16.20).

The statement alone is signed. It names the digests of facts and rules, so they can be taken off a receipt, because facts
are personal, and it stays valid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings
from django.db.models import Q

from config import canonical_json
from definitions import motions
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.models import Lead
from leads.vocabulary import Motion
from scoring.columns import fact_reader
from scoring.engine import canonical_facts
from scoring.engine.engine_version import ENGINE_VERSION
from scoring.engine.explanation import Explanation
from scoring.engine.judge import explain
from scoring.engine.rules import Rules
from scoring.explain import evaluation
from scoring.instants import microseconds
from scoring.models import Qualification, ReceiptKey
from scoring.receipts import judging_inputs, receipt_keys

FORMAT: Final = "accord.receipt/1"
#: Longer numbers fit no id.
_DIGITS_AT_MOST: Final = 18


class NoReceipt(Exception):
    """No receipt can be given because of `field`, at or version; the message is a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as JSON values. `file` is the one way to write it: another spelling of it is none (rules 16.21)."""

    content: Mapping[str, Any]

    @property
    def file(self) -> bytes:
        return f"{canonical_json.write(self.content)}\n".encode()


def find_version(name: str, *, at: dt.datetime) -> Version:
    """Return the version by its id or as `SLUG/v1.0`; without a name the one in force at the instant. Raises NoReceipt.

    Of versions of several motions in force the first in the order of motions is taken.
    """
    of_leads = Version.objects.select_related("definition").exclude(definition__motion=Motion.AQL)
    if name.isdecimal():
        version = of_leads.filter(pk=int(name)).first() if len(name) <= _DIGITS_AT_MOST else None
        if version is None:
            raise NoReceipt("version", f"No version that judges leads has the id {name[:20]}.")
        return version
    if not name:
        return _find_in_force(at)
    try:
        version = evaluation.find_version(name)
    except evaluation.NoSuchDefinition as error:
        raise NoReceipt("version", str(error)) from error
    if version.definition.motion == Motion.AQL:
        raise NoReceipt("version", f"{version} judges companies; a receipt is of a lead.")
    return version


def issue(*, lead: Lead, version: Version, at: dt.datetime, now: dt.datetime, with_facts: bool) -> Receipt:
    """Issue a receipt of the verdict on the lead at an instant. Raises NoReceipt, and receipt_keys.NoSigningKey.

    A lead that is merged into another one is judged as that one (rules 13.50).
    """
    return _issue(lead, version, at, now, None, with_facts=with_facts)


def issue_for_qualification(qualification: Qualification, *, now: dt.datetime) -> Receipt:
    """Issue a receipt with facts of the verdict at the instant of an MQL, and beside it the evidence frozen on its day.

    Raises NoReceipt, and receipt_keys.NoSigningKey.
    """
    return _issue(qualification.lead, qualification.version, qualification.at, now, qualification, with_facts=True)


def judge_written(rules: Rules, facts: Mapping[str, Any], *, lead_id: int, at: int) -> Explanation:
    """Return the judgement of facts as `canonical_facts` writes them; receipts are issued and verified by it alone."""
    return explain(rules, canonical_facts.read_facts(facts, lead_id=lead_id), 0, at)


def summarize(explanation: Explanation) -> dict[str, Any]:
    """Return the verdict and each rule's own result, with the figures rounded to six decimals by the engine."""
    criteria = (
        *explanation.gate_answers,
        *explanation.fit_answers,
        *explanation.bant_answers,
        *explanation.disqualifier_answers,
    )
    return {
        "meets": explanation.meets,
        "tier": explanation.tier,
        "hot": explanation.hot,
        "gate": explanation.gate,
        "disqualified_by": list(explanation.disqualified_by),
        "threshold": explanation.threshold,
        "timing": explanation.timing.held,
        "axes": {name: getattr(explanation, name).value for name in ("fit", "engagement", "bant")},
        "criteria": {answer.criterion.key: answer.verdict for answer in criteria},
        "signals": {row.signal: row.contributes for row in explanation.contributions},
        "paths": {path.key: path.held for path in (*explanation.paths, *explanation.hot_paths)},
    }


def _find_in_force(at: dt.datetime) -> Version:
    rows = Version.objects.exclude(definition__motion=Motion.AQL).select_related("definition")
    was_in_force = Q(retired_at__isnull=True) | Q(retired_at__gt=at)
    version = rows.filter(was_in_force, activated_at__lte=at).order_by(
        motions.rank_motion("definition__motion"), "pk"
    ).first()  # fmt: skip
    if version is None:
        raise NoReceipt("at", f"No version was in force at {at:%Y-%m-%d %H:%M} UTC; name one as ?version=SLUG/v1.0.")
    return version


def _issue(
    lead: Lead,
    version: Version,
    at: dt.datetime,
    now: dt.datetime,
    qualification: Qualification | None,
    *,
    with_facts: bool,
) -> Receipt:
    """Judge and sign.

    1. Read the facts and write them canonically; judge what is written, so that whoever reads it judges the same.
    2. State verdict, reasons, version, engine, and the digests of facts and rules.
    3. Sign the statement with the key of the installation.
    4. Add facts and rules if they are asked for.
    """
    if at > now:
        raise NoReceipt("at", "The instant lies ahead: what happens until then is not known yet.")
    instant, lead_id = microseconds(at), lead.merged_into_id or lead.pk
    # 1.
    inputs = judging_inputs.read_inputs(version)
    compiled = inputs.compile()
    found_facts = fact_reader.read_for_leads([lead_id], compiled)
    facts = canonical_facts.write_facts(compiled, found_facts, 0, instant)
    rules = judging_inputs.write_inputs(inputs, facts["attributes"])
    # Titles that gave no seniority are read again, by the version's table as all judging of it.
    written = replace(judging_inputs.read_written(rules).compile(), titles=compiled.titles)
    explanation = judge_written(written, facts, lead_id=lead_id, at=instant)
    # 2.
    key = receipt_keys.signing_key(now)
    statement = {
        "format": FORMAT,
        "issuer": settings.BASE_URL,
        # A request that waited for the first one to make the key must not be older than the key.
        "issued_at": max(now, key.created_at).isoformat(),
        "key": key.code,
        "at": at.astimezone(dt.UTC).isoformat(),
        "at_microseconds": instant,
        "lead": {"id": lead.pk, "external_id": lead.external_id, "judged_as": lead_id},
        "version": {
            "definition": version.definition.slug,
            "number": version.number,
            "motion": version.definition.motion,
            "is_draft": version.state == VersionState.DRAFT,
            "fingerprint": judging_inputs.fingerprint_of(rules),
        },
        "engine": ENGINE_VERSION,
        "verdict": summarize(explanation),
        "why": explanation.why,
        "explanation": explanation.as_dict(),
        "facts_digest": canonical_json.compute_digest(facts),
        "rules_digest": canonical_json.compute_digest(rules),
    }
    if qualification is not None:
        statement["evidence"] = _describe_evidence(qualification, str(statement["facts_digest"]))
    # 3. and 4.
    return _sign(key, statement, {"facts": facts, "rules": rules} if with_facts else {})


def _sign(key: ReceiptKey, statement: Mapping[str, Any], attachments: Mapping[str, Any]) -> Receipt:
    signature = receipt_keys.sign(key, canonical_json.write(statement).encode())
    return Receipt({"statement": statement, "signature": signature, **attachments})


def _describe_evidence(qualification: Qualification, digest_now: str) -> dict[str, Any]:
    """Return what was frozen on the day of an MQL, and whether it rests on the facts as they are known now."""
    digest_then = qualification.evidence.get("facts_digest")
    return {
        "qualified_at": qualification.at.isoformat(),
        "recorded_at": qualification.recorded_at.isoformat(),
        "facts_digest": digest_then,
        "same_facts": None if digest_then is None else digest_then == digest_now,
        "explanation": {name: value for name, value in qualification.evidence.items() if name != "facts_digest"},
    }
