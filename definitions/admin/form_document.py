"""The document that the forms of a version describe as typed, and the rows that are not finished yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.forms import BaseForm

from definitions import version_documents
from definitions.admin.criteria import CriterionForm
from definitions.admin.page_sections import edited_rows
from definitions.admin.signals_and_paths import PathForm, SignalRuleForm
from definitions.admin.widgets import RowForm
from definitions.document.values import ClauseRow, CriterionRow, Json, PathRow, SignalRow
from definitions.models import Version
from definitions.plain_english.generated_statement import capitalize_first
from definitions.vocabulary import Part, PathKind

#: The name of a missing field in the sentence "it needs …".
_NEEDS: Final = {
    **dict.fromkeys(("low", "high", "texts", "flag", "list"), "a value"),
    "rationale": "its why",
    "op": "its comparison",
    "field": "a field",
    "own_field": "a field",
    "points": "points",
    "signal": "a signal",
    "name": "a name",
    "at_least": "a number",
    "__all__": "signals, or an axis",
    "owner": "an owner",
    "reason": "a reason",
    "sal_rate_target": "its target",
}
#: Fields without effect on judgement: a row that lacks only these counts already.
_NOT_JUDGED: Final = frozenset({"rationale", "name"})
_STAND_IN: Final = "…"
_ROW_NAMES: Final = {
    Part.GATE: "Gate row",
    Part.FIT: "Fit row",
    Part.BANT: "BANT row",
    Part.DISQUALIFIER: "Disqualifier",
}


@dataclass(frozen=True, slots=True)
class UnfinishedRow:
    """A row that is left out of the document or lacks only its name or rationale, and its place on the page."""

    sentence: str
    anchor: str


@dataclass(slots=True)
class FormDocument:
    """The document of the forms.

    `anchors` maps a place (`gate[2]`, `paths[0].clauses[1]`) to its anchor on the page.
    """

    document: Json
    unfinished: list[UnfinishedRow] = field(default_factory=list)
    anchors: dict[str, str] = field(default_factory=dict)
    is_saved: bool = True


def read_form(version: Version, form: BaseForm, formsets: Sequence[Any]) -> FormDocument:
    """Read the bound forms as one document and store nothing. `version` takes on the values of its own fields."""
    reader = _Reader()
    reader.read_head(form, version)
    criteria = [*reader.read_criteria(formsets)]
    signals = [*reader.read_signals(formsets)]
    paths = [*reader.read_paths(formsets)]
    draft = replace(
        version_documents.read_draft(version), criteria=tuple(criteria), signals=tuple(signals), paths=tuple(paths)
    )
    draft = replace(draft, owner=draft.owner.strip() or _STAND_IN, reason=draft.reason.strip() or _STAND_IN)
    is_saved = not form.has_changed() and not any(formset.has_changed() for formset in formsets)
    return FormDocument(draft.to_document(), reader.unfinished, reader.anchors, is_saved)


class _Reader:
    def __init__(self) -> None:
        self.unfinished: list[UnfinishedRow] = []
        self.anchors: dict[str, str] = {}

    def read_head(self, form: BaseForm, version: Version) -> None:
        for name, lack in _list_lacks(form).items():
            bound = form[name] if name in form.fields else None
            label = capitalize_first(str(bound.label)) if bound else "The version"
            self._note(f"{label}: {lack}", bound.auto_id if bound else "head")
        if "tier_3_less_than" in form.errors:
            version.tier_3_axis, version.tier_3_less_than = "", None

    def read_criteria(self, formsets: Iterable[Any]) -> Iterator[CriterionRow]:
        for formset in _formsets_of(formsets, CriterionForm):
            part, count = formset.form.part, 0
            for number, form in _numbered_forms(formset):
                if self._note_lacks(form, f"{_ROW_NAMES[part]} {number}"):
                    self.anchors[f"{part}[{count}]"] = _row_anchor(form)
                    count += 1
                    yield _with_rationale(version_documents.criterion_row(form.instance))

    def read_signals(self, formsets: Iterable[Any]) -> Iterator[SignalRow]:
        for formset in _formsets_of(formsets, SignalRuleForm):
            codes: set[str] = set()
            for number, form in _numbered_forms(formset):
                if not self._note_lacks(form, f"Signal {number}"):
                    continue
                rule = form.instance
                if rule.signal.code in codes:
                    self._note(
                        f"Signal {number} is there twice: “{rule.signal.name}” has a row already.", _row_anchor(form)
                    )
                    continue
                self.anchors[f"signals[{len(codes)}]"] = _row_anchor(form)
                codes.add(rule.signal.code)
                yield _with_rationale(version_documents.signal_row(rule))

    def read_paths(self, formsets: Iterable[Any]) -> Iterator[PathRow]:
        for formset in _formsets_of(formsets, PathForm):
            kind, count = formset.form.kind, 0
            for number, form in _numbered_forms(formset):
                path = self._read_path(form, number, f"{kind}[{count}]")
                if path is not None:
                    count += 1
                    yield path

    def _read_path(self, form: Any, number: int, place: str) -> PathRow | None:
        """Read a path with its clauses; return None when the path or one of its clauses is not finished.

        Leaving out only the unfinished clause would make the path let in more leads.
        """
        kind_name = "Path" if form.kind == PathKind.PATH else "Hot trigger"
        label = f"{kind_name} “{form['name'].value()}”" if form["name"].value() else f"{kind_name} {number}"
        is_judgeable = self._note_lacks(form, label)
        rows = [clause for _, clause in _numbered_forms(form.clauses)]
        complete = [self._note_lacks(row, f"{label}, clause {at}") for at, row in enumerate(rows, 1)]
        if not rows:
            self._note(f"{label} is not finished: it needs a clause.", _row_anchor(form))
        if not (is_judgeable and rows and all(complete)):
            return None
        self.anchors[place] = _row_anchor(form)
        self.anchors |= {f"{place}.clauses[{at}]": _row_anchor(row) for at, row in enumerate(rows)}
        clauses: tuple[ClauseRow, ...] = tuple(version_documents.clause_row(row.instance) for row in rows)
        return PathRow(form.kind, form.instance.name or _STAND_IN, clauses, form.instance.rationale or _STAND_IN)

    def _note_lacks(self, form: BaseForm, label: str) -> bool:
        """Note what the row lacks, and return whether leads can be judged by it nevertheless."""
        lacks = _list_lacks(form)
        if lacks:
            self._note(f"{label} is not finished: {'; '.join(dict.fromkeys(lacks.values()))}.", _row_anchor(form))
        return set(lacks) <= _NOT_JUDGED

    def _note(self, sentence: str, anchor: str) -> None:
        self.unfinished.append(UnfinishedRow(sentence, anchor))


def _formsets_of(formsets: Iterable[Any], kind: type[RowForm]) -> list[Any]:
    return [formset for formset in formsets if issubclass(formset.form, kind)]


def _numbered_forms(formset: Any) -> Iterator[tuple[int, Any]]:
    remaining = [form for form in formset.forms_in_order() if not form.is_removed and not form.is_blank]
    return enumerate(remaining, 1)


def _list_lacks(form: BaseForm) -> Mapping[str, str]:
    return {name: _describe_lack(name, errors) for name, errors in form.errors.as_data().items()}


def _describe_lack(name: str, errors: Sequence[Any]) -> str:
    missing = [error for error in errors if error.code == "required"]
    if missing:
        return f"it needs {_NEEDS.get(name, 'this')}"
    return "; ".join(sentence.removesuffix(".") for error in errors for sentence in error.messages)


def _row_anchor(form: BaseForm) -> str:
    return f"row-{form.prefix}"


def _with_rationale(row: Any) -> Any:
    return row if row.rationale.strip() else replace(row, rationale=_STAND_IN)


def read_stored(version: Version, formsets: Iterable[Any]) -> FormDocument:
    """Return the stored version as a document; the unbound forms tell the place of its rows on the page."""
    anchors = {}
    for formset in formsets:
        for at, form in enumerate(formset.initial_forms):
            place = f"{edited_rows(formset)}[{at}]"
            anchors[place] = _row_anchor(form)
            clauses = form.clauses.initial_forms if isinstance(form, PathForm) else ()
            anchors |= {f"{place}.clauses[{index}]": _row_anchor(clause) for index, clause in enumerate(clauses)}
    return FormDocument(version_documents.export_document(version), anchors=anchors)
