"""Conversion between the rows of a version and its document (rules 15.1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from itertools import chain

from django.db import transaction
from django.db.models import Max, Prefetch, prefetch_related_objects
from django.utils.text import slugify

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import diff, motions, permissions, signals_and_lists, version_basis
from definitions.diff import RowChange
from definitions.document.basis import Basis
from definitions.document.fingerprint import compute_fingerprint
from definitions.document.parser import DocumentRefused, parse_document
from definitions.document.values import (
    AccountSetting,
    CeilingSettings,
    ClauseRow,
    CriterionRow,
    DecaySetting,
    Draft,
    HealthyRangeSetting,
    InactivitySetting,
    Json,
    PathRow,
    SignalRow,
    TierFloorSetting,
    TimingSetting,
)
from definitions.models import Clause, Criterion, Definition, DefinitionSlug, Path, SignalRule, Version
from definitions.vocabulary import DecayMode, Operator, Part, PathKind, VersionState
from leads.models import NamedList, Signal
from leads.vocabulary import Motion


def normalize_document(document: object) -> Json:
    """Check and complete a decoded document as `export_document` would write it; store nothing.

    Raises DocumentRefused.
    """
    return parse_document(document, known_names=signals_and_lists.read_known_names()).to_document()


def export_document(version: Version) -> Json:
    """Return the complete document of a version, for signing, compiling and exchange.

    At most 5 queries for any size.
    """
    return read_draft(version).to_document()


def fingerprint(version: Version) -> str:
    """Return the sha256 fingerprint of what decides who meets the version (rules 9.17); of a draft, as of today."""
    document = export_document(version)
    if version.state != VersionState.DRAFT:
        return compute_fingerprint(document, version.basis or {})
    return compute_fingerprint(document, version_basis.read_present_basis(document).digests())


def have_same_rules(one: Version, other: Version) -> bool:
    """Tell whether two versions judge everybody alike: they differ in words at most (rules 9.28)."""
    return fingerprint(one) == fingerprint(other)


def read_basis(version: Version) -> Basis:
    """Return what a version is judged with besides its rows: as it was kept or, of a draft, as of today (rules 9.18)."""
    if version.state == VersionState.DRAFT or version.basis is None:
        return version_basis.read_present_basis(export_document(version))
    return version_basis.read_kept_basis(version.basis)


def find_changes(before: Version, after: Version) -> tuple[RowChange, ...]:
    """Return every row in which `after` differs from `before`, and every difference of what they are judged with."""
    names = signals_and_lists.read_display_names()
    documents = export_document(before), export_document(after)
    return (*diff.find_changes(*documents, names), *find_basis_changes(before, after))


def find_basis_changes(before: Version, after: Version) -> tuple[RowChange, ...]:
    """Return the differences of the lists, meanings of signals and reading tables that two versions are judged with."""
    old, new = ((export_document(version), read_basis(version)) for version in (before, after))
    return diff.find_basis_changes(old, new, signals_and_lists.read_display_names())


def export_with_basis(version: Version) -> Json:
    """Return the complete document of a version and, from the proposal on, what it is judged with (rules 15.17)."""
    document = export_document(version)
    return document if version.basis is None else document | {"basis": _describe_basis(version)}


def _describe_basis(version: Version) -> Json:
    """Return the digests of a kept basis with the number of entries of each list, the flags of signals and the countries."""
    digests, basis = version.basis or {}, read_basis(version)
    described: Json = {
        "lists": {
            name: {"digest": digests["lists"][name], "entries": len(entries)} for name, entries in basis.lists.items()
        },
        "signals": {
            "digest": digests["signals"],
            "meanings": {code: list(flags) for code, flags in basis.meanings.items()},
        },
    }
    if basis.titles is not None:
        described["job_titles"] = {"digest": basis.titles.digest, "dated": basis.titles.dated}
    if basis.countries is not None:
        described["countries"] = {"digest": digests["countries"], **basis.countries.to_content()}
    return described


@transaction.atomic
def import_document(*, document: object, by: User | None, now: dt.datetime) -> Version:
    """Create a draft from a decoded document; `by` None is the command line.

    It takes the document's number, or the next minor one when that exists. Raises DocumentRefused,
    permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="draft a definition")
    draft = parse_document(document, known_names=signals_and_lists.read_known_names())
    definition = _get_or_create_definition(draft, by, now)
    if definition.versions.filter(major=draft.major, minor=draft.minor).exists():
        draft = replace(draft, minor=next_minor(definition, draft.major))
    return create_version(definition=definition, draft=draft, based_on=None, by=by, now=now)


def next_minor(definition: Definition, major: int) -> int:
    """Return the next free minor number. The caller holds the definition's lock."""
    last = definition.versions.filter(major=major).aggregate(last=Max("minor"))["last"]
    return 0 if last is None else last + 1


def create_version(
    *, definition: Definition, draft: Draft, based_on: Version | None, by: User | None, now: dt.datetime
) -> Version:
    """Write all rows of a draft. The caller holds the definition's lock and chose a free number."""
    version = Version.objects.create(
        definition=definition,
        major=draft.major,
        minor=draft.minor,
        based_on=based_on,
        owner=draft.owner,
        reason=draft.reason,
        own_statement=draft.statement,
        summary=draft.summary,
        kind=draft.kind,
        sal_rate_target=draft.sal_rate_target,
        mql_to_sql_low=draft.mql_to_sql.low if draft.mql_to_sql else None,
        mql_to_sql_high=draft.mql_to_sql.high if draft.mql_to_sql else None,
        mql_to_sql_rationale=draft.mql_to_sql.rationale if draft.mql_to_sql else "",
        created_by=by,
        created_at=now,
        **_scoring_columns(draft),
    )
    _create_rows(version, draft)
    return version


def lock_definition(definition: Definition) -> Definition:
    """Lock a definition, so that its numbers, signatures and activations are assigned one after another."""
    return Definition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition.pk)


def _get_or_create_definition(draft: Draft, by: User | None, now: dt.datetime) -> Definition:
    definition, is_new = Definition.objects.get_or_create(
        name=draft.name,
        defaults={"slug": _find_free_slug(draft.name), "motion": draft.motion, "created_at": now},
    )
    if is_new and not Definition.objects.exclude(pk=definition.pk).exists():
        motions.choose_primary_motion(motion=draft.motion, by=by, now=now)
    if definition.motion != draft.motion:
        raise DocumentRefused(
            [f"motion: the definition “{draft.name}” is for {definition.motion}, not {draft.motion}."]
        )
    return lock_definition(definition)


def _find_free_slug(name: str) -> str:
    base = slugify(name)[:100] or "definition"
    used_slugs = set(DefinitionSlug.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = chain([base], (f"{base}-{number}" for number in range(2, len(used_slugs) + 3)))
    return next(slug for slug in numbered if slug not in used_slugs)


# Rows from a draft


def _scoring_columns(draft: Draft) -> dict[str, object]:
    inactivity, timing, floor = draft.inactivity, draft.timing, draft.tier_3_below
    return {
        "decay_mode": draft.decay.mode,
        "decay_percent": draft.decay.percent,
        "decay_per_days": draft.decay.per_days,
        "decay_rationale": draft.decay.rationale,
        "inactivity_after_days": inactivity and inactivity.after_days,
        "inactivity_points": inactivity and inactivity.points,
        "inactivity_per_days": inactivity.per_days if inactivity else Decimal(30),
        "fit_ceiling": draft.ceilings.fit,
        "engagement_ceiling": draft.ceilings.engagement,
        "bant_ceiling": draft.ceilings.bant,
        "engaged_within_days": timing and timing.engaged_within_days,
        "or_request_within_days": timing and timing.or_request_within_days,
        "timing_signals": (list(timing.engaged_by) or None) if timing else None,
        "timing_rationale": timing.rationale if timing else "",
        "tier_3_axis": floor.axis if floor else "",
        "tier_3_less_than": floor and floor.less_than,
        "tier_3_rationale": floor.rationale if floor else "",
        "account": draft.account and draft.account.to_document(),
    }


def _create_rows(version: Version, draft: Draft) -> None:
    lists = NamedList.objects.in_bulk({row.list_name for row in draft.criteria}, field_name="name")
    signals = Signal.objects.in_bulk({row.signal for row in draft.signals}, field_name="code")
    Criterion.objects.bulk_create(
        Criterion(
            version=version,
            part=row.part,
            position=position,
            field=row.field,
            op=row.op,
            low=row.low,
            high=row.high,
            texts=list(row.texts),
            flag=row.flag,
            list=lists.get(row.list_name),
            points=row.points,
            unknown=row.unknown,
            rationale=row.rationale,
        )
        for position, row in enumerate(draft.criteria)
    )
    SignalRule.objects.bulk_create(
        SignalRule(
            version=version,
            position=position,
            signal=signals[row.signal],
            points=row.points,
            cap=row.cap,
            disqualifies=row.disqualifies,
            disqualifies_within_days=row.disqualifies_within_days,
            cap_rationale=row.cap_rationale,
            rationale=row.rationale,
        )
        for position, row in enumerate(draft.signals)
    )
    _create_paths(version, draft.paths)


def _create_paths(version: Version, rows: tuple[PathRow, ...]) -> None:
    paths = Path.objects.bulk_create(
        Path(version=version, kind=row.kind, position=position, name=row.name, rationale=row.rationale)
        for position, row in enumerate(rows)
    )
    Clause.objects.bulk_create(
        Clause(
            path=path,
            position=position,
            axis=clause.axis,
            signals=list(clause.signals),
            at_least=clause.at_least,
            within_days=clause.within_days,
            within_hours_of_each_other=clause.within_hours_of_each_other,
            distinct_assets=clause.distinct_assets,
            same_asset=clause.same_asset,
            rationale=clause.rationale,
        )
        for path, row in zip(paths, rows, strict=True)
        for position, clause in enumerate(row.clauses)
    )


# A draft from rows


def read_draft(version: Version) -> Draft:
    """Return the version as values. Rows already prefetched are not read again."""
    prefetch_related_objects(
        [version],
        "definition",
        Prefetch("criteria", Criterion.objects.select_related("list").order_by("position", "pk")),
        Prefetch("signal_rules", SignalRule.objects.select_related("signal").order_by("position", "pk")),
        Prefetch("paths", Path.objects.order_by("position", "pk")),
        Prefetch("paths__clauses", Clause.objects.order_by("position", "pk")),
    )
    return Draft(
        name=version.definition.name,
        motion=Motion(version.definition.motion),
        major=version.major,
        minor=version.minor,
        owner=version.owner,
        reason=version.reason,
        statement=version.own_statement,
        sal_rate_target=version.sal_rate_target,
        decay=DecaySetting(
            DecayMode(version.decay_mode), version.decay_percent, version.decay_per_days, version.decay_rationale
        ),
        inactivity=_inactivity_setting(version),
        ceilings=CeilingSettings(version.fit_ceiling, version.engagement_ceiling, version.bant_ceiling),
        criteria=tuple(criterion_row(criterion) for criterion in version.criteria.all()),
        signals=tuple(signal_row(rule) for rule in version.signal_rules.all()),
        paths=tuple(path_row(path) for path in version.paths.all()),
        timing=_timing_setting(version),
        tier_3_below=_tier_floor_setting(version),
        account=None if version.account is None else AccountSetting.from_document(version.account),
        kind=version.kind,
        summary=version.summary.strip(),
        mql_to_sql=_healthy_range_setting(version),
    )


def criterion_row(criterion: Criterion) -> CriterionRow:
    return CriterionRow(
        part=Part(criterion.part),
        field=criterion.field,
        op=Operator(criterion.op),
        rationale=criterion.rationale,
        points=criterion.points,
        low=criterion.low,
        high=criterion.high,
        texts=tuple(criterion.texts),
        flag=criterion.flag,
        list_name=criterion.list.name if criterion.list else "",
        unknown=criterion.unknown,
    )


def signal_row(rule: SignalRule) -> SignalRow:
    return SignalRow(
        signal=rule.signal.code,
        points=rule.points,
        cap=rule.cap,
        rationale=rule.rationale,
        disqualifies=rule.disqualifies,
        disqualifies_within_days=rule.disqualifies_within_days,
        cap_rationale=rule.cap_rationale if rule.cap is not None else "",
    )


def path_row(path: Path) -> PathRow:
    return PathRow(
        kind=PathKind(path.kind),
        name=path.name,
        clauses=tuple(clause_row(clause) for clause in path.clauses.all()),
        rationale=path.rationale,
    )


def clause_row(clause: Clause) -> ClauseRow:
    return ClauseRow(
        at_least=clause.at_least,
        axis=clause.axis,
        signals=tuple(clause.signals),
        within_days=clause.within_days,
        within_hours_of_each_other=clause.within_hours_of_each_other,
        distinct_assets=clause.distinct_assets,
        same_asset=clause.same_asset,
        rationale=clause.rationale,
    )


def _inactivity_setting(version: Version) -> InactivitySetting | None:
    if version.inactivity_after_days is None or version.inactivity_points is None:
        return None
    return InactivitySetting(version.inactivity_after_days, version.inactivity_points, version.inactivity_per_days)


def _timing_setting(version: Version) -> TimingSetting | None:
    if version.engaged_within_days is None and version.or_request_within_days is None:
        return None
    return TimingSetting(
        version.engaged_within_days,
        version.or_request_within_days,
        tuple(version.timing_signals or ()),
        version.timing_rationale,
    )


def _healthy_range_setting(version: Version) -> HealthyRangeSetting | None:
    if version.mql_to_sql_low is None or version.mql_to_sql_high is None:
        return None
    return HealthyRangeSetting(version.mql_to_sql_low, version.mql_to_sql_high, version.mql_to_sql_rationale)


def _tier_floor_setting(version: Version) -> TierFloorSetting | None:
    if version.tier_3_less_than is None:
        return None
    return TierFloorSetting(version.tier_3_axis, version.tier_3_less_than, version.tier_3_rationale)
