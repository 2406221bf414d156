"""Forms of imports: the upload, how a file is written, and what its columns mean. They check input and never save."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.conf import settings

from config import time_zones
from config.accounts.sources import refuse_reserved_source
from config.uploads import max_bytes
from leads.files.table_rows import Unreadable
from leads.imports import column_guesses
from leads.imports.column_map import read_map
from leads.imports.import_kinds import OPEN_PREFIXES, ImportKind, identifying_targets
from leads.imports.import_mapping import build_plan
from leads.imports.import_previews import ColumnExamples
from leads.imports.stored_files import is_storable
from leads.models import Signal
from leads.normalization import locale_formats
from leads.vocabulary import DEFAULT_SOURCE, OutcomeKind

KIND_CHOICES: Final = (
    ("leads", "Leads: one person a row"),
    ("companies", "Companies: one company a row"),
    ("events", "Events: what people did"),
    ("outcomes", "Outcomes: opportunities, deals won and lost"),
    ("dispositions", "Past decisions: what sales accepted and rejected"),
)
_OWN: Final = "own"
_OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_OWN_TYPES: Final = (("text", "text"), ("number", "number"), ("flag", "yes or no"), ("list", "list"))
_ENCODINGS: Final = (
    ("", "As the file shows it (UTF-8)"),
    ("windows-1252", "Windows-1252: Western Europe, Excel on Windows"),
    ("windows-1250", "Windows-1250: Central Europe"),
    ("windows-1251", "Windows-1251: Cyrillic"),
    ("mac_roman", "Mac Roman"),
    ("utf-16", "UTF-16 (“Unicode text”)"),
    ("shift_jis", "Shift JIS"),
    ("gb18030", "GB 18030"),
)
_DELIMITERS: Final = (("", "As the header shows it"), (",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar"))
_DATE_FORMATS: Final = (
    ("", "2026-01-31, or as the file shows it"),
    ("%d/%m/%Y", "31/01/2026, day first"),
    ("%m/%d/%Y", "01/31/2026, month first"),
    ("%d.%m.%Y", "31.01.2026"),
    ("%d/%m/%Y %H:%M", "31/01/2026 14:30"),
    ("%m/%d/%Y %H:%M", "01/31/2026 14:30"),
    ("%m/%d/%Y %I:%M %p", "01/31/2026 2:30 PM"),
    ("%d.%m.%Y %H:%M", "31.01.2026 14:30"),
    ("excel", "46053.6: days as a spreadsheet counts them"),
    ("epoch", "1769869800: seconds since 1970"),
    ("epoch_ms", "1769869800000: milliseconds since 1970"),
)
#: Targets that may have one value for the whole file.
CONSTANTS: Final[Mapping[str, Sequence[str]]] = {
    "leads": ("source",),
    "events": ("signal",),
    "outcomes": ("kind",),
    "dispositions": (),
}
_LABELS: Final[Mapping[str, str]] = {
    "email": "E-mail address", "external_id": "Id in the sender's system", "company_external_id": "Id of the company",
    "company_domain": "Domain of the company", "do_not_contact": "Do not contact", "created_at": "Created at",
    "valid_from": "Values hold from", "use_case": "Use case", "lead": "Id of the lead", "occurred_at": "Occurred at",
    "at": "Date of the outcome or decision", "id": "Id of the row", "kind": "Kind of outcome, or decision",
    "by": "Decided by", "reason": "Reason", "note": "Note", "motion": "Motion",
}  # fmt: skip


def target_label(target: str) -> str:
    """Return the name of a target for people; attributes of one's own are named by their own name."""
    if target.startswith(OPEN_PREFIXES):
        return target.partition(".")[2]
    return _LABELS.get(target) or target.replace("_", " ").capitalize()


class UploadForm(forms.Form):
    """A file, what it holds, and whose ids stand in it."""

    file = forms.FileField(label="File", help_text="CSV or XLSX. Choose it, or drop it here.", allow_empty_file=True)
    kind = forms.ChoiceField(label="What it holds", choices=KIND_CHOICES, initial="leads")
    source = forms.CharField(
        label="System of the ids",
        max_length=64,
        initial=DEFAULT_SOURCE,
        validators=[refuse_reserved_source],
        help_text="Whose ids stand in the file: hubspot, salesforce. The same id from two systems is not one lead.",
    )

    def __init__(self, *args: Any, has_too_large_file: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_too_large_file = has_too_large_file
        accepted = ".csv,.tsv,.txt,.xlsx,text/csv"
        self.fields["file"].widget.attrs |= {"accept": accepted, "class": "drop"}
        self.fields["file"].error_messages["required"] = self._missing_file()

    def _missing_file(self) -> str:
        if self._has_too_large_file:
            return f"The file is larger than {max_bytes() >> 20:,} MB. Split it, or send it by the command line."
        return "Choose a file."


class ReadingForm(forms.Form):
    """The encoding and the shape of a file, where it does not show them itself."""

    kind = forms.ChoiceField(label="What it holds", choices=KIND_CHOICES)
    encoding = forms.ChoiceField(label="Encoding", choices=_ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label="Delimiter", choices=_DELIMITERS, required=False)
    header_line = forms.IntegerField(
        label="Line of the header", min_value=0, max_value=1000, required=False, help_text="Empty: it is looked for."
    )
    sheet = forms.CharField(label="Sheet", max_length=200, required=False, help_text="Empty: the first one.")

    def settings(self) -> dict[str, Any]:
        """Return the keys of the map that say how the file is written; those without a value are left out."""
        return {name: value for name, value in self.cleaned_data.items() if name != "kind" and value}


#: The keys of a map that `ReadingForm` sets.
READING_KEYS: Final = ("encoding", "delimiter", "header_line", "sheet")


class MappingForm(forms.Form):
    """The meaning of each column of a file. Its `column_map` is the map that people chose, once it is valid."""

    zone = forms.ChoiceField(label="Time zone", help_text="Of dates and times that name none.", required=False)
    date_format = forms.ChoiceField(
        label="Dates are written as",
        choices=_DATE_FORMATS,
        required=False,
        help_text="The date format, where day and month could be mixed up.",
    )
    locale = forms.CharField(
        label="Language and country",
        max_length=20,
        required=False,
        help_text="The locale of numbers and dates: de-DE for 1.234,50.",
    )
    currency = forms.CharField(
        label="Currency", max_length=3, required=False, help_text="Of amounts that name none: EUR, USD."
    )
    name = forms.CharField(
        label="Keep this mapping under a name",
        max_length=80,
        required=False,
        help_text="For the next file of this kind.",
    )

    def __init__(
        self,
        data: Any,
        *,
        kind: ImportKind,
        header: Sequence[str],
        guesses: Sequence[ColumnExamples],
        chosen: Mapping[str, Any],
    ) -> None:
        super().__init__(data, initial=_initial_options(chosen))
        self._kind, self._header, self._chosen = kind, header, chosen
        self.column_map: dict[str, Any] = {}
        zones = [("", "None"), *((zone, zone) for zone in time_zones.offered_zones())]
        self.fields["zone"].choices = zones  # type: ignore[attr-defined]  # a ChoiceField
        self._keep_unlisted_date_format(str(chosen.get("date_format", "")))
        self.constants = [self._add_constant(target) for target in CONSTANTS.get(kind.name, ())]
        self.columns = [self._add_column(place, guess) for place, guess in enumerate(guesses)]

    def rows(self) -> list[dict[str, Any]]:
        """Return each column with its fields, for the page."""
        return [
            {"guess": guess, "target": self[target], "name": self[name], "type": self[kind]}
            for guess, target, name, kind in self.columns
        ]

    def constant_fields(self) -> list[Any]:
        return [self[name] for name in self.constants]

    def clean_locale(self) -> str:
        locale: str = self.cleaned_data["locale"]
        if locale and not locale_formats.is_known_locale(locale):
            raise forms.ValidationError("Write a language, with a country if need be: de, en-US, fr-CH.")
        return locale

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if currency and not locale_formats.is_currency(currency):
            raise forms.ValidationError("Write the code of a currency, as EUR or USD.")
        return currency

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        places = self._read_places(cleaned)
        document = self._build_document(cleaned, places)
        if not self.errors:
            self._check_document(document, places)
        self.column_map = document
        return cleaned

    def _add_constant(self, target: str) -> str:
        name = f"constant_{target}"
        initial = (self._chosen.get("constants") or {}).get(target, "")
        label = f"{target_label(target)} of every row"
        choices = _constant_choices(target)
        self.fields[name] = (
            forms.ChoiceField(label=label, choices=choices, required=False, initial=initial)
            if choices
            else forms.CharField(label=label, max_length=120, required=False, initial=initial)
        )
        self.fields[name].help_text = "Where no column says it."
        return name

    def _add_column(self, place: int, guess: ColumnExamples) -> tuple[ColumnExamples, str, str, str]:
        target, own_name, own_type = self._initial_target(place, guess)
        label = guess.header or f"column {place + 1}"
        names = (f"target_{place}", f"name_{place}", f"type_{place}")
        self.fields[names[0]] = forms.ChoiceField(
            label=f"Meaning of {label}", choices=_target_choices(self._kind), required=False, initial=target
        )
        self.fields[names[1]] = forms.CharField(
            label=f"Name of your own attribute for {label}", max_length=64, required=False, initial=own_name
        )
        self.fields[names[2]] = forms.ChoiceField(
            label=f"Type of {label}", choices=_OWN_TYPES, required=False, initial=own_type
        )
        return guess, *names

    def _initial_target(self, place: int, guess: ColumnExamples) -> tuple[str, str, str]:
        header = self._header[place].strip()
        columns = self._chosen.get("columns")
        target = guess.target
        if columns:
            target = next((name for name in columns if header in _list_headers(columns[name])), "")
        prefix = self._kind.open_prefix
        if prefix and target.startswith(prefix):
            types = self._chosen.get("types") or {}
            return _OWN, target.removeprefix(prefix), types.get(target, "text")
        return target, _suggest_name(guess.header), "text"

    def _read_places(self, cleaned: Mapping[str, Any]) -> dict[str, list[int]]:
        """Return the chosen targets with the places of their columns, and note what is wrong with a column at it."""
        places: dict[str, list[int]] = {}
        names = [name.strip() for name in self._header]
        for place, (guess, field, name_field, _) in enumerate(self.columns):
            target = cleaned.get(field, "")
            if target == _OWN:
                own_name = cleaned.get(name_field, "")
                if not _OWN_NAME.fullmatch(own_name):
                    self.add_error(field, "Name your attribute with letters, digits and underscores, a letter first.")
                    continue
                target = f"{self._kind.open_prefix}{own_name}"
            if not target:
                continue
            if problem := _describe_header_problem(names, names[place]):
                self.add_error(field, f"{problem}; mend it in the file, or leave the column out.")
            elif target in places and target not in column_guesses.SEVERAL:
                other = self.columns[places[target][0]][0].header
                self.add_error(field, f"“{other}” and “{guess.header}” both mean {target}; leave one of them out.")
            else:
                places.setdefault(target, []).append(place)
        return places

    def _build_document(self, cleaned: Mapping[str, Any], places: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        constants = dict(self._chosen.get("constants") or {})
        constants |= {name.removeprefix("constant_"): cleaned.get(name) for name in self.constants}
        types = dict(self._chosen.get("types") or {})
        for _, field, name_field, type_field in self.columns:
            if cleaned.get(field) == _OWN and cleaned.get(type_field):
                types[f"{self._kind.open_prefix}{cleaned.get(name_field)}"] = cleaned[type_field]
        options: dict[str, Any] = {
            name: cleaned.get(name, "") for name in ("zone", "date_format", "locale", "currency")
        }
        others = {
            name: self._chosen[name]
            for name in (*READING_KEYS, "values", "scale", "null_values")
            if name in self._chosen
        }
        document: dict[str, Any] = {
            **others,
            **options,
            "columns": {
                target: headers if len(headers) > 1 else headers[0]
                for target, headers in ((target, self._headers(target, columns)) for target, columns in places.items())
            },
            "constants": {target: value for target, value in constants.items() if value},
            "types": {target: type_ for target, type_ in types.items() if target in places and type_ != "text"},
        }
        return {name: value for name, value in document.items() if value}

    def _headers(self, target: str, places: Sequence[int]) -> list[str]:
        """Return the headers of a target in their order of preference: as in the map so far, as guessed, as in the file."""
        preferred = _list_headers((self._chosen.get("columns") or {}).get(target, []))

        def order(place: int) -> tuple[int, bool, int]:
            header, guess = self._header[place].strip(), self.columns[place][0]
            wish = preferred.index(header) if header in preferred else len(preferred)
            return wish, guess.target != target, guess.rank

        return [self._header[place].strip() for place in sorted(places, key=order)]

    def _check_document(self, document: Mapping[str, Any], places: Mapping[str, Sequence[int]]) -> None:
        identifying = identifying_targets(self._kind)
        if not identifying & places.keys():
            names = " or ".join(f"“{target_label(target)}”" for target in sorted(identifying))
            self.add_error(None, f"No column says whom a row is about: choose {names} for one of them.")
            return
        try:
            build_plan(self._kind, read_map(dict(document), self._kind), self._header)
        except Unreadable as error:
            self.add_error(None, str(error))

    def _keep_unlisted_date_format(self, date_format: str) -> None:
        if date_format not in {value for value, _ in _DATE_FORMATS}:
            choices = [*_DATE_FORMATS, (date_format, date_format)]
            self.fields["date_format"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField


def _describe_header_problem(names: Sequence[str], name: str) -> str:
    """Return why a column cannot be named by its header, or an empty text."""
    if not name:
        return "This column has no header"
    if not is_storable(name):
        return "This header has characters that are none: say how the file is written"
    return "This header stands more than once in the file" if names.count(name) > 1 else ""


def _list_headers(headers: str | Sequence[str]) -> list[str]:
    return [headers.strip()] if isinstance(headers, str) else [header.strip() for header in headers]


def _initial_options(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "zone": chosen.get("zone", settings.COMPANY_TIME_ZONE),
        "date_format": chosen.get("date_format", ""),
        "locale": chosen.get("locale", ""),
        "currency": chosen.get("currency", ""),
    }


def _target_choices(kind: ImportKind) -> list[tuple[str, str]]:
    targets = sorted((target_label(target), target) for target in kind.targets)
    own = [(_OWN, "My own attribute …")] if kind.open_prefix else []
    return [("", "Leave out"), *own, *((target, label) for label, target in targets)]


def _constant_choices(target: str) -> Iterable[tuple[str, str]]:
    if target == "signal":
        return [("", "None"), *Signal.objects.order_by("name").values_list("code", "name")]
    return [("", "None"), *((kind.value, str(kind.label)) for kind in OutcomeKind)] if target == "kind" else []


def _suggest_name(header: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", header).strip("_").lower()[:64]
    return name if _OWN_NAME.fullmatch(name) else ""
