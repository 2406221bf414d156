"""Keep for each version from *proposed* on what it is judged with today, and the fingerprint that it had until now.

The document is written here as it was at this migration, so that later forms of it change no earlier fingerprint.
"""

import hashlib
import json
from decimal import Decimal

from django.db import migrations
from django.db.models.functions import Lower
from django.utils import timezone

from definitions import version_basis

_PARTS = ("gate", "fit", "bant", "disqualifiers")
_RANGES = ("between", "at_least", "at_most")
_NUMBERS = ("company.employees", "company.annual_revenue")
_AMOUNTS = ("lead.budget", "company.annual_revenue")


def keep_todays_basis(apps, _schema_editor):
    versions = apps.get_model("definitions", "Version").objects.exclude(state="draft").select_related("definition")
    now, meanings = timezone.now(), None
    for version in versions.order_by("pk"):
        meanings = _read_meanings(apps.get_model("leads", "Signal").objects) if meanings is None else meanings
        document = write_document(version)
        basis = version_basis.build_basis(document, lists=_read_lists(apps, document), meanings=meanings)
        version.basis = version_basis.keep_basis(
            basis, now=now, contents=apps.get_model("definitions", "KeptContent").objects
        )
        version.basis_kept_at = now
        version.earlier_fingerprint = compute_earlier_fingerprint(document)
        version.save(update_fields=["basis", "basis_kept_at", "earlier_fingerprint"])


def _read_meanings(signals):
    columns = ("code", "is_engagement", "is_explicit_request", "closes_request", "ends__code")
    return {
        code: tuple(
            flag
            for flag, is_set in (
                ("engagement", engages),
                ("request", asks),
                ("closing", closes),
                (f"ends:{ended}", ended),
            )
            if is_set
        )
        for code, engages, asks, closes, ended in signals.values_list(*columns)
    }


def _read_lists(apps, document):
    names = {row["value"] for part in _PARTS for row in document[part] if row["op"] == "in_list"}
    entries = apps.get_model("leads", "ListEntry").objects.exclude(status="removed")
    return {
        name: frozenset(entries.filter(list__name=name).values_list(Lower("value"), flat=True))
        for name in sorted(names)
    }


def compute_earlier_fingerprint(document):
    """Return the fingerprint of before: of every row and word of the document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_document(version):
    """Return the complete document of a version, as it was written at this migration."""
    criteria = list(version.criteria.select_related("list").order_by("position", "pk"))
    document = {
        "format": "accord.definition/1",
        "name": version.definition.name,
        "motion": version.definition.motion,
        "version": f"{version.major}.{version.minor}",
        "owner": version.owner,
        "reason": version.reason,
        "sal_rate_target": _number(version.sal_rate_target),
        "decay": {
            "mode": version.decay_mode,
            "percent": _number(version.decay_percent),
            "per_days": _number(version.decay_per_days),
        },
        "inactivity": _write_inactivity(version),
        "ceilings": {axis: _number(getattr(version, f"{axis}_ceiling")) for axis in ("fit", "engagement", "bant")},
        **{part: [_write_criterion(row) for row in criteria if row.part == part] for part in _PARTS},
        "signals": [
            {
                "signal": rule.signal.code,
                "points": _number(rule.points),
                "cap": _number(rule.cap),
                "rationale": rule.rationale,
            }
            for rule in version.signal_rules.select_related("signal").order_by("position", "pk")
        ],
        "paths": _write_paths(version, "paths"),
        "timing": _write_timing(version),
        "hot": _write_paths(version, "hot"),
        "tier_3_below": None
        if version.tier_3_less_than is None
        else {"axis": version.tier_3_axis, "less_than": _number(version.tier_3_less_than)},
    }
    if version.own_statement:
        document["statement"] = version.own_statement
    if version.account is not None:
        document["account"] = version.account
    return document


def _write_inactivity(version):
    if version.inactivity_after_days is None or version.inactivity_points is None:
        return None
    return {
        "after_days": _number(version.inactivity_after_days),
        "points": _number(version.inactivity_points),
        "per_days": _number(version.inactivity_per_days),
    }


def _write_timing(version):
    days = _number(version.engaged_within_days), _number(version.or_request_within_days)
    return None if days == (None, None) else {"engaged_within_days": days[0], "or_request_within_days": days[1]}


def _write_criterion(row):
    written = {"field": row.field, "op": row.op, "value": _write_value(row)}
    if row.part != "disqualifiers":
        written["points"] = _number(row.points)
    return written | {"rationale": row.rationale}


def _write_value(row):
    if row.op in ("is", "known"):
        return row.flag
    if row.op == "in_list":
        return row.list.name if row.list else ""
    if row.op not in _RANGES:
        is_number = row.field in _NUMBERS or row.field.rpartition(".")[0] in _AMOUNTS
        return [_number(Decimal(text)) for text in row.texts] if is_number else row.texts
    low, high = _number(row.low), _number(row.high)
    if row.field == "lead.seniority":
        low, high = (text or None for text in (*row.texts, "", "")[:2])
    return [low, high] if row.op == "between" else low if row.op == "at_least" else high


def _write_paths(version, kind):
    return [
        {
            "name": path.name,
            "clauses": [_write_clause(clause) for clause in path.clauses.order_by("position", "pk")],
            "rationale": path.rationale,
        }
        for path in version.paths.filter(kind=kind).order_by("position", "pk")
    ]


def _write_clause(clause):
    if clause.axis:
        return {"axis": clause.axis, "at_least": _number(clause.at_least)}
    written = {"count_of": clause.signals, "at_least": _number(clause.at_least)}
    if clause.within_hours_of_each_other is not None:
        written["within_hours_of_each_other"] = _number(clause.within_hours_of_each_other)
    written["within_days"] = _number(clause.within_days)
    return written | ({"distinct": "asset"} if clause.distinct_assets else {})


def _number(number):
    if number is None:
        return None
    return int(number) if number == int(number) else float(number)


class Migration(migrations.Migration):
    dependencies = [("definitions", "0006_kept_basis"), ("leads", "0020_account_queue")]

    operations = [migrations.RunPython(keep_todays_basis, migrations.RunPython.noop)]
