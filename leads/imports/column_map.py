"""The map of a file's columns, which people know as the mapping: what it may say, and its validation (docs/importing.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from config import time_zones
from leads.files.file_reader import ReadingOptions
from leads.files.table_rows import Unreadable
from leads.imports.import_kinds import ImportKind
from leads.normalization import locale_formats

#: The types that a map may give to the values of a column.
VALUE_TYPES: Final = ("text", "number", "flag", "list")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """A validated map, as its author wrote it. Empty `columns` mean that the headers are matched by name.

    A name may have several headers: a row takes the first of them that is not empty.
    """

    columns: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    null_values: Sequence[str] = ()
    zone: str = ""
    date_format: str = ""
    locale: str = ""
    currency: str = ""
    encoding: str = ""
    delimiter: str = ""
    header_line: int = 0
    sheet: str = ""

    @property
    def reading(self) -> ReadingOptions:
        """Return the settings that concern the file itself."""
        return ReadingOptions(self.encoding, self.delimiter, self.header_line, self.sheet)

    def list_headers(self, target: str) -> Sequence[str]:
        """Return the headers of a name, in order of preference."""
        headers = self.columns[target]
        return [headers] if isinstance(headers, str) else headers


_MAX_HEADER_LINE: Final = 1_000
_MAP_TYPES: Final = {
    "columns": dict, "constants": dict, "values": dict, "types": dict, "scale": dict, "null_values": list,
    "zone": str, "date_format": str, "locale": str, "currency": str, "encoding": str, "delimiter": str, "header_line": int,
    "sheet": str,
}  # fmt: skip
_TYPE_NOUNS: Final = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def read_map(document: object, kind: ImportKind) -> ColumnMap:
    """Validate a map. Raises Unreadable with what is wrong in it."""
    if not isinstance(document, dict):
        raise Unreadable("The mapping must be a JSON object.")
    for key, value in document.items():
        if key not in _MAP_TYPES:
            raise Unreadable(f"The mapping has the key {key!r}; it may have: {', '.join(_MAP_TYPES)}.")
        if not isinstance(value, _MAP_TYPES[key]) or isinstance(value, bool):
            raise Unreadable(f"{key} in the mapping must be {_TYPE_NOUNS[_MAP_TYPES[key]]}.")
    settings: dict[str, Any] = {
        key: _read_targets(key, value, kind) if isinstance(value, dict) else value for key, value in document.items()
    }
    _check_values(settings)
    if "zone" in settings:
        settings["zone"] = time_zones.spell_zone(settings["zone"])
    return ColumnMap(**settings)


def _read_targets(key: str, value: Mapping[str, Any], kind: ImportKind) -> dict[str, Any]:
    settings = {name.removeprefix(f"{kind.subject}."): setting for name, setting in value.items()}
    for target in settings:
        if target not in kind.targets and not (kind.open_prefix and target.startswith(kind.open_prefix)):
            raise Unreadable(
                f"{key} in the mapping names {target!r}; {kind.name} have: {', '.join(sorted(kind.targets))}, {kind.open_prefix}…."
            )
    return settings


def _check_values(settings: Mapping[str, Any]) -> None:
    if settings.get("zone") and not time_zones.spell_zone(settings["zone"]):
        raise Unreadable(f"zone in the mapping is {settings['zone']!r}. {time_zones.explain_refusal(settings['zone'])}")
    if settings.get("locale") and not locale_formats.is_known_locale(settings["locale"]):
        raise Unreadable(f"locale in the mapping is {settings['locale']!r}, not a locale as de, en-US or fr.")
    if settings.get("currency") and not locale_formats.is_currency(settings["currency"]):
        raise Unreadable(
            f"currency in the mapping is {settings['currency']!r}, not the code of a currency as EUR or USD."
        )
    _check_reading(settings)
    for name, shape, noun in (
        ("values", dict, "objects"),
        ("types", str, "texts"),
        ("scale", int | float, "numbers"),
    ):
        if not all(isinstance(entry, shape) for entry in settings.get(name, {}).values()):
            raise Unreadable(f"{name} in the mapping must give {noun}.")
    if not set(settings.get("types", {}).values()) <= set(VALUE_TYPES):
        raise Unreadable(f"types in the mapping must be {', '.join(VALUE_TYPES)}.")
    if not all(isinstance(entry, str) for entry in settings.get("null_values", [])):
        raise Unreadable("null_values in the mapping must be texts.")


def _check_reading(settings: Mapping[str, Any]) -> None:
    if not 0 <= settings.get("header_line", 0) <= _MAX_HEADER_LINE:
        raise Unreadable(f"header_line in the mapping must be a line from 1 to {_MAX_HEADER_LINE:,}.")
    if len(settings.get("delimiter", "")) > 1:
        raise Unreadable("delimiter in the mapping must be one character.")
    for headers in settings.get("columns", {}).values():
        names = headers if isinstance(headers, list) else [headers]
        if not names or not all(isinstance(name, str) for name in names):
            raise Unreadable("columns in the mapping must give headers.")
