"""The comparison of two documents, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from definitions.diff import row_effect
from definitions.diff.changed_row import RowChange, RowChangeKind, change_kind, match_rows
from definitions.diff.row_effect import NEITHER, Effect
from definitions.plain_english import account_statement, generated_statement, phrases
from definitions.plain_english.generated_statement import DisplayNames, Json
from definitions.vocabulary import Axis

_PARTS: Final = {"gate": "Gate", "fit": "Fit points", "bant": "BANT points", "disqualifiers": "Disqualifiers"}
_PATH_PARTS: Final = {"paths": "Path", "hot": "Hot trigger"}
_TEXT_SETTINGS: Final = {
    "name": "Name",
    "motion": "Motion",
    "owner": "Owner",
    "reason": "Reason",
    "statement": "Statement",
    "summary": "Summary",
    "kind": "Kind",
}
_AXES_READING: Final = {
    "fit": {Axis.FIT, Axis.FIT_AND_ENGAGEMENT},
    "engagement": {Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT},
    "bant": {Axis.BANT},
}


def find_changes(before: Json, after: Json, names: DisplayNames) -> tuple[RowChange, ...]:
    """Find every row that was added, removed or changed between two complete documents, and describe it in words.

    The documents come from definitions.version_documents.export_document. Signals match by code, paths by name and then
    by content, criteria by field, operator and value, then by field and operator, then by field. Version numbers are
    left out. An effect is about who qualifies, each change by itself.
    """
    return tuple(_Comparison(before, after, names).find_all())


def any_may_loosen(changes: Iterable[RowChange]) -> bool:
    """Tell whether some change may let in a lead that did not qualify before."""
    return any(change.effect in (Effect.LOOSER, Effect.UNCLEAR) for change in changes)


class _Comparison:
    def __init__(self, before: Json, after: Json, names: DisplayNames) -> None:
        self.before, self.after, self.names = before, after, names
        self.required_axes = {
            row["axis"] for document in (before, after) for row in _all_clauses(document) if "axis" in row
        }

    def find_all(self) -> Iterator[RowChange]:
        for part in _PARTS:
            yield from self.compare_criteria(part)
        yield from self.compare_signals()
        yield from self.compare_paths("paths")
        yield from self.compare_paths("hot")
        yield from self.compare_settings()

    def is_required(self, axis: str) -> bool:
        """Tell whether any path or hot trigger, before or now, requires points on this axis."""
        return not self.required_axes.isdisjoint(_AXES_READING[axis])

    # Criteria and signals

    def compare_criteria(self, part: str) -> Iterator[RowChange]:
        keys = (
            lambda row: (row["field"], row["op"], str(row["value"])),
            lambda row: (row["field"], row["op"]),
            lambda row: row["field"],
        )
        for old, new in match_rows(self.before[part], self.after[part], *keys):
            if old != new:
                row = new or old or {}
                before, after = self._describe_criterion(part, old), self._describe_criterion(part, new)
                yield self._build_change(
                    _PARTS[part],
                    generated_statement.field_label(row["field"]),
                    old,
                    new,
                    (before, after),
                    self._criterion_effect(part, old, new),
                )

    def _criterion_effect(self, part: str, old: Json | None, new: Json | None) -> Effect:
        if part == "gate":
            return row_effect.gate_row_effect(old, new)
        if part == "disqualifiers":
            return row_effect.disqualifier_effect(old, new)
        if self.is_required(part):
            return row_effect.points_row_effect(old, new)
        return row_effect.holding_effect(old, new)

    def _describe_criterion(self, part: str, row: Json | None) -> str:
        if row is None:
            return ""
        points = f": {phrases.count_noun(row['points'], 'point')}" if part in ("fit", "bant") else ""
        return generated_statement.describe_criterion(row, self.names) + points

    def compare_signals(self) -> Iterator[RowChange]:
        for old, new in match_rows(self.before["signals"], self.after["signals"], lambda row: row["signal"]):
            if old != new:
                row = new or old or {}
                label = generated_statement.capitalize_first(self.names.signal(row["signal"]))
                texts = _describe_both(generated_statement.describe_signal_rule, old, new)
                yield self._build_change("Signals", label, old, new, texts, self._signal_effect(old, new))

    def _signal_effect(self, old: Json | None, new: Json | None) -> Effect:
        excludes = row_effect.exclusion_effect(old, new)
        crosses = _is_no_engagement(old) is not _is_no_engagement(new)
        # Negative points take a signal out of what counts as activity, even if nothing requires engagement points.
        if not self.is_required("engagement") and not crosses:
            return excludes
        has_inactivity = bool(self.before["inactivity"] or self.after["inactivity"])
        points = row_effect.signal_rule_effect(old, new, has_inactivity=has_inactivity)
        return row_effect.combine_effects(points, excludes)

    # Paths and hot triggers

    def compare_paths(self, kind: str) -> Iterator[RowChange]:
        keys = (lambda row: row["name"].casefold(), lambda row: row["clauses"])
        for old, new in match_rows(self.before[kind], self.after[kind], *keys):
            if old is None or new is None:
                path = new or old or {}
                texts = _describe_both(lambda row: generated_statement.describe_path(row, self.names), old, new)
                yield self._build_change(
                    _PATH_PARTS[kind], path["name"], old, new, texts, row_effect.path_effect(old, new)
                )
            elif old != new:
                yield from self.compare_path(f"{_PATH_PARTS[kind]}: {new['name']}", old, new)

    def compare_path(self, part: str, old: Json, new: Json) -> Iterator[RowChange]:
        if (old["name"], old["rationale"]) != (new["name"], new["rationale"]):
            texts = (f"{old['name']}: {old['rationale']}", f"{new['name']}: {new['rationale']}")
            yield RowChange(part, RowChangeKind.CHANGED, "Name and rationale", *texts, NEITHER, new["rationale"])
        keys = (repr, _clause_subject, lambda row: row.get("axis") or "count")
        for old_clause, new_clause in match_rows(old["clauses"], new["clauses"], *keys):
            if old_clause != new_clause:
                clause_texts = _describe_both(
                    lambda row: generated_statement.capitalize_first(
                        generated_statement.describe_clause(row, self.names)
                    ),
                    old_clause,
                    new_clause,
                )
                effect = row_effect.clause_effect(old_clause, new_clause)
                label, texts = _show_words("Clause", clause_texts, old_clause, new_clause)
                rationale = (new_clause or {}).get("rationale") or new["rationale"]
                yield RowChange(part, change_kind(old_clause, new_clause), label, *texts, effect, rationale)

    # The version's other sentences

    def compare_settings(self) -> Iterator[RowChange]:
        yield from self._compare_setting(
            "Timing",
            self._describe_timing,
            ("timing",),
            self._timing_effect(),
        )
        yield from self._compare_setting(
            "Decay and inactivity", generated_statement.describe_decay, ("decay", "inactivity"), self._fading_effect()
        )
        yield from self._compare_setting(
            "Ceilings", generated_statement.describe_ceilings, ("ceilings",), self._ceilings_effect()
        )
        yield from self.compare_account()
        yield from self._compare_setting("Tiers", self._describe_tier_floor, ("tier_3_below",), NEITHER)
        yield from self._compare_setting("SAL-rate target", _describe_target, ("sal_rate_target",), NEITHER)
        yield from self._compare_setting(
            "Healthy MQL→SQL", generated_statement.describe_healthy_range, ("mql_to_sql",), NEITHER
        )
        for key, label in _TEXT_SETTINGS.items():
            yield from self._compare_setting(
                label, lambda document, key=key: str(document.get(key) or ""), (key,), NEITHER
            )

    def compare_account(self) -> Iterator[RowChange]:
        """Yield the changes of what makes a company qualify, for a definition that judges companies."""
        old, new = self.before.get("account"), self.after.get("account")
        if old == new or old is None or new is None:
            return
        contacts = ("contacts_at_least", "within_days", "engaged_by")
        if any(old[key] != new[key] for key in contacts):
            yield self._build_account_change(
                "Engaged contacts", old, new, account_statement.describe_contacts, row_effect.account_effect(old, new)
            )
        if old["company_signals"] != new["company_signals"]:
            effect = row_effect.company_signals_effect(old["company_signals"], new["company_signals"])
            yield self._build_account_change("Company signals", old, new, _describe_company_signals, effect)
        if old["tier_1_contacts"] != new["tier_1_contacts"]:
            yield self._build_account_change("Tiers", old, new, lambda row, _: _describe_account_tiers(row), NEITHER)
        if old["rationale"] != new["rationale"]:
            yield self._build_account_change("Rationale", old, new, lambda row, _: str(row["rationale"]), NEITHER)

    def _build_account_change(
        self, label: str, old: Json, new: Json, describe: Callable[[Json, Any], str], effect: Effect
    ) -> RowChange:
        before, after = (
            generated_statement.capitalize_first(describe(section, self.names.signal)) for section in (old, new)
        )
        return RowChange("Account", RowChangeKind.CHANGED, label, before, after, effect, new["rationale"])

    def _compare_setting(self, label: str, describe: Any, keys: tuple[str, ...], effect: Effect) -> Iterator[RowChange]:
        if any(self.before.get(key) != self.after.get(key) for key in keys):
            old, new = (document.get(keys[0]) for document in (self.before, self.after))
            name, texts = _show_words(label, (describe(self.before), describe(self.after)), old, new)
            yield RowChange(label, RowChangeKind.CHANGED, name, *texts, effect)

    def _describe_timing(self, document: Json) -> str:
        text = generated_statement.describe_timing(document, self.names)
        return f"Must have {text}" if text else ""

    def _timing_effect(self) -> Effect:
        old, new = self.before["timing"], self.after["timing"]
        has_inactivity = bool(self.before["inactivity"] or self.after["inactivity"])
        return row_effect.combine_effects(
            row_effect.timing_effect(old, new),
            row_effect.engaged_by_effect(old, new, has_inactivity=has_inactivity),
        )

    def _fading_effect(self) -> Effect:
        if not self.is_required("engagement"):
            return NEITHER
        return row_effect.combine_effects(
            row_effect.decay_effect(self.before["decay"], self.after["decay"]),
            row_effect.inactivity_effect(self.before["inactivity"], self.after["inactivity"]),
        )

    def _ceilings_effect(self) -> Effect:
        old, new = self.before["ceilings"], self.after["ceilings"]
        axes = [axis for axis in _AXES_READING if self.is_required(axis)]
        return row_effect.combine_effects(
            *(
                row_effect.looser_when_higher(
                    row_effect.none_as_infinite(old[axis]), row_effect.none_as_infinite(new[axis])
                )
                for axis in axes
            )
        )

    def _describe_tier_floor(self, document: Json) -> str:
        return (
            generated_statement.describe_tiers({**document, "hot": []}, self.names)[-1]
            if document["tier_3_below"]
            else ""
        )

    def _build_change(
        self, part: str, label: str, old: Json | None, new: Json | None, texts: tuple[str, str], effect: Effect
    ) -> RowChange:
        rationale = (new or old or {}).get("rationale", "")
        if old is not None and new is not None and texts[0] == texts[1]:
            label, texts = _show_reasons(label, old, new)
        return RowChange(part, change_kind(old, new), label, *texts, effect, rationale)


def _all_clauses(document: Json) -> Iterator[Json]:
    return (clause for kind in _PATH_PARTS for path in document[kind] for clause in path["clauses"])


def _show_words(label: str, texts: tuple[str, str], old: object, new: object) -> tuple[str, tuple[str, str]]:
    """Return the label and texts of a change; where a row says the same as before, those of its reasons."""
    if texts[0] != texts[1]:
        return label, texts
    before, after = (str(row.get("rationale", "")) if isinstance(row, Mapping) else "" for row in (old, new))
    return ("Rationale", (before, after)) if before != after else (label, texts)


def _show_reasons(label: str, old: Json, new: Json) -> tuple[str, tuple[str, str]]:
    """Return label and texts of a row that asks the same as before: its reasons, as far as they differ."""
    labels = {"rationale": "rationale", "cap_rationale": "rationale of the cap"}
    changed = [key for key in labels if old.get(key) != new.get(key)]
    names = " and ".join(labels[key] for key in changed)
    before, after = (" ".join(str(row.get(key) or "–") for key in changed) for row in (old, new))
    return f"{label}, {names}" if names else label, (before, after)


def _is_no_engagement(row: Json | None) -> bool:
    return row is not None and (row["points"] < 0 or bool(row.get("disqualifies")))


def _describe_both(describe: Callable[[Json], str], old: Json | None, new: Json | None) -> tuple[str, str]:
    return describe(old) if old is not None else "", describe(new) if new is not None else ""


def _describe_company_signals(section: Json, signal_name: Callable[[str], str]) -> str:
    row = section["company_signals"]
    return account_statement.describe_company_signals(row, signal_name) if row else ""


def _describe_account_tiers(section: Json) -> str:
    return " ".join(account_statement.describe_tiers(section))


def _clause_subject(clause: Json) -> object:
    """Return the subject of a clause, its axis or its signals, without the amount."""
    return clause.get("axis") or tuple(sorted(clause["count_of"]))


def _describe_target(document: Json) -> str:
    return f"{phrases.format_number(round(document['sal_rate_target'] * 100, 1))} %"
