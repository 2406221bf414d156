"""The plan by which the rows of a file become items of the intake: by a map, or by the headers that common senders write."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django import conf

from leads.exceptions import Refused, TwoReadings
from leads.files import table_rows
from leads.files.table_rows import HeaderTest, Unreadable
from leads.imports import cell_repairs, column_guesses
from leads.imports.column_map import ColumnMap
from leads.imports.import_kinds import ImportKind, identifying_targets
from leads.normalization import attributes, validation, written_dates, written_money, written_numbers
from leads.normalization.locale_formats import SenderFormats
from leads.normalization.row_notes import RowNote
from leads.vocabulary import NoteKind

_DATE_TARGETS: Final = frozenset({"valid_from", "created_at", "occurred_at", "at"})
#: Amounts of money, each with the column that may name its currency.
_CURRENCY_TARGETS: Final = MappingProxyType({"annual_revenue": "annual_revenue_currency", "amount": "currency"})
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_PARSERS: Final[Mapping[str, Callable[[str, str, str], object]]] = MappingProxyType(
    {
        "number": written_numbers.read_number,
        "flag": lambda field, cell, _locale: attributes.parse_flag(field, cell),
        "list": lambda _field, cell, _locale: re.split(r"[;,|]", cell),
    }
)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The plan by which rows of one file become items.

    `columns` are pairs (target, index in the row). A target with several is taken from the first that is not empty.
    """

    kind: ImportKind
    map: ColumnMap
    columns: Sequence[tuple[str, int]]
    nulls: frozenset[str]
    guesses: Sequence[column_guesses.ColumnGuess] = ()
    #: The headers whose columns are left out, as the file writes them.
    left_out: Sequence[str] = ()
    sender: str = ""
    id_prefix: str = ""
    #: What the summary of the import says about the reading.
    notes: Sequence[str] = ()
    #: The targets whose cells are taken as they stand.
    plain_targets: frozenset[str] = frozenset()

    def build_item(self, cells: Sequence[str]) -> tuple[dict[str, Any], tuple[RowNote, ...]]:
        """Build the item of a row in the shape of the API, and note the cells whose value is lost. Raises Refused.

        Empty cells are left out.
        """
        cell_repairs.refuse_test_row(cells)
        item: dict[str, Any] = {}
        notes: list[RowNote] = []
        for target, value in self.map.constants.items():
            _put_value(item, target, value)
        filled: set[str] = set()
        for target, place in self.columns:
            if target in filled:
                continue
            cell = cell_repairs.repair_cell(cells[place])
            if not cell or (self.nulls and cell.casefold() in self.nulls):
                continue
            value = self._read_cell(target, cell, notes)
            if value is not None:
                _put_value(item, target, value)
            # A wish not to be contacted counts in whichever column it stands.
            if target != "do_not_contact" or value is True:
                filled.add(target)
        if "full_name" in item:
            cell_repairs.split_full_name(item)
        self._state_currency(item)
        return item, tuple(notes)

    def find_used_places(self, cells: Sequence[str]) -> frozenset[int]:
        """Return the indices of the cells that give a row's values: of columns used in turn, the first that is not empty."""
        together = {place for target, place in self.columns if target in column_guesses.TOGETHER}
        first: dict[str, int] = {}
        for target, place in self.columns:
            if target not in first or (self._is_empty(cells, first[target]) and not self._is_empty(cells, place)):
                first[target] = place
        return frozenset(together | set(first.values()))

    def _is_empty(self, cells: Sequence[str], place: int) -> bool:
        cell = cell_repairs.repair_cell(cells[place]) if place < len(cells) else ""
        return not cell or cell.casefold() in self.nulls

    @property
    def _formats(self) -> SenderFormats:
        return SenderFormats(self.map.locale, self.map.currency, conf.settings.CURRENCY)

    def _state_currency(self, item: dict[str, Any]) -> None:
        """Give an amount the currency of the map, unless the row names one."""
        for target, currency_target in _CURRENCY_TARGETS.items() if self.map.currency else ():
            if isinstance(item.get(target), int | float):
                item.setdefault(currency_target, self.map.currency)

    def _read_cell(self, target: str, cell: str, notes: list[RowNote]) -> object:
        value = self.map.values[target].get(cell, cell) if target in self.map.values else cell
        if not isinstance(value, str):
            return value
        if "+" in value and cell_repairs.is_rounded(target, value, is_text=target not in self.map.types):
            notes.append(RowNote(NoteKind.NOT_UNDERSTOOD, target, cell_repairs.ROUNDED))
            return None
        if cell_repairs.has_lost_case(target, value):
            notes.append(RowNote(NoteKind.NOT_UNDERSTOOD, target, cell_repairs.LOST_CASE))
        if target in self.plain_targets:
            return value
        try:
            return self._read_value(target, value)
        except TwoReadings:
            raise
        except Refused:
            # The upsert keeps a text that cannot be read, and notes it. But a word in an opt-out column may be a wish not to
            # be contacted: whoever sends the file must say what it means.
            if target in attributes.READ_FROM_TEXT and target != "do_not_contact":
                return value
            raise

    def _read_value(self, target: str, cell: str) -> object:
        if target in _DATE_TARGETS:
            if not self.map.date_format:
                cell_repairs.refuse_day_number(target, cell)
            return self._read_instant(target, cell)
        if target in _CURRENCY_TARGETS:
            return self._read_money(target, cell)
        if target in self.map.types:
            kind_of_value = self.map.types[target]
            value = _PARSERS[kind_of_value](target, cell, self.map.locale) if kind_of_value != "text" else cell
        elif target == "employees":
            value = attributes.parse_employees(target, cell, self.map.locale)
        elif target in cell_repairs.REPAIRS:
            value = cell_repairs.REPAIRS[target](target, cell, self.id_prefix)
        elif target.startswith("properties."):
            value = validation.text(target, cell, limit=table_rows.MAX_CELL)
        else:
            value = cell
        return self._scale_value(target, value)

    def _scale_value(self, target: str, value: object) -> object:
        factor = self.map.scale.get(target)
        if factor is None:
            return value
        number = (
            value
            if isinstance(value, int | float)
            else written_numbers.read_number(target, str(value), self.map.locale)
        )
        return float(Decimal(repr(number)) * Decimal(repr(factor)))

    def _read_money(self, target: str, cell: str) -> int | float | str:
        """Read an amount, with its currency behind it if the cell names one: 1200, or "1200 EUR"."""
        money = written_money.read_money(target, cell, self._formats)
        amount = money.amount * Decimal(repr(self.map.scale.get(target, 1)))
        validation.number(target, float(amount), low=0, high=attributes.MOST_MONEY)
        amount = round(amount, 2)
        return f"{amount:f} {money.currency}" if money.currency else written_numbers.to_number(amount)

    def _read_instant(self, target: str, cell: str) -> dt.datetime:
        at = self._parse_instant(target, cell)
        if at.tzinfo is not None:
            return at
        if not self.map.zone:
            raise Refused(target, "carries no zone; write it into the file, or give `zone` in the mapping.")
        return _localize(target, at, zoneinfo.ZoneInfo(self.map.zone))

    def _parse_instant(self, target: str, cell: str) -> dt.datetime:
        # A workbook's own dates come in ISO form beside texts of the stated form, and cannot be mixed up.
        if not self.map.date_format or _ISO_DATE.fullmatch(cell):
            return written_dates.read_date_time(target, cell, self.map.locale)
        if self.map.date_format == "excel":
            return cell_repairs.parse_day_number(target, cell)
        return written_dates.read_formatted(target, cell, self.map.date_format)


def _localize(target: str, at: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    local = at.replace(tzinfo=zone)
    try:
        exists = local.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) == at
    except OverflowError:
        raise Refused(target, "is outside the calendar.") from None
    # Where the clocks go forward at midnight, the day begins at one o'clock: a bare date means that first moment.
    if not exists and at.time() != dt.time():
        raise Refused(target, f"does not exist in {zone}: the clocks went forward over it.")
    return local


def _put_value(item: dict[str, Any], target: str, value: object) -> None:
    if target.startswith("properties."):
        item.setdefault("properties", {})[target.removeprefix("properties.")] = value
    else:
        item[target] = value


def build_plan(
    kind: ImportKind, column_map: ColumnMap, header: Sequence[str], sample_rows: Sequence[Sequence[str]] = ()
) -> ImportPlan:
    """Match the map, or the usual headers, with the header of a file. Raises Unreadable."""
    names = [name.strip() for name in header]
    guesses = column_guesses.guess_columns(names, sample_rows, kind)
    columns = _columns_from_map(column_map, names) if column_map.columns else _columns_from_guesses(guesses)
    targets = {target for target, _ in columns} | column_map.constants.keys()
    identifying = identifying_targets(kind)
    if not targets & identifying:
        raise Unreadable(
            f"No column of the file says who it is about: {', '.join(sorted(identifying))}. The header is: {_list_names(names)}. "
            "Name its columns in a mapping; if other lines stand before the header, give its line as `header_line`."
        )
    used = {place for _, place in columns}
    left_out = [place for place in range(len(names)) if place not in used]
    if not column_map.columns and kind.name == "leads" and "email" not in targets:
        _refuse_nameless_leads(names, sample_rows, left_out)
    notes = [
        f"{validation.shorten_name(guess.header)} is left out: {guess.reason}."
        for guess in guesses
        if guess.reason == column_guesses.NO_ADDRESSES and not column_map.columns
    ]
    if column_map.zone and not targets.isdisjoint(_DATE_TARGETS):
        notes.append(f"Dates and times without a zone are read as those of {column_map.zone}.")
    if not column_map.columns and not column_map.zone and _is_dated_only_by_creation(kind, targets):
        # A day's doubt about when a lead was created decides nothing; a refused file keeps all its leads out.
        column_map = replace(column_map, zone="UTC")
        notes.append("created_at without a zone is read as UTC. If it is another zone, give it as `zone` in a mapping.")
    sender = column_guesses.guess_sender(names, kind.name)
    return ImportPlan(
        kind,
        column_map,
        columns,
        _read_nulls(column_map),
        guesses=guesses,
        left_out=[names[place] or f"column {place + 1}" for place in left_out],
        sender=sender.name if sender else "",
        id_prefix=sender.id_prefix if sender else "",
        notes=notes,
        plain_targets=frozenset(target for target, _ in columns if _is_plain(target, column_map)),
    )


def rebuild_plan(
    kind: ImportKind, column_map: ColumnMap, header: Sequence[str], columns: Iterable[tuple[str, int]]
) -> ImportPlan:
    """Return the plan of an earlier import from the columns that it used, whatever its rows would be guessed to mean now."""
    sender = column_guesses.guess_sender([name.strip() for name in header], kind.name)
    return ImportPlan(
        kind,
        column_map,
        [(target, place) for target, place in columns],
        _read_nulls(column_map),
        sender=sender.name if sender else "",
        id_prefix=sender.id_prefix if sender else "",
    )


def _read_nulls(column_map: ColumnMap) -> frozenset[str]:
    return frozenset(value.strip().casefold() for value in column_map.null_values)


def _is_plain(target: str, column_map: ColumnMap) -> bool:
    is_read = target in _DATE_TARGETS or target in _CURRENCY_TARGETS or target in cell_repairs.REPAIRS
    is_read = is_read or target == "employees" or target.startswith("properties.")
    return not is_read and target not in column_map.types and target not in column_map.scale


def build_header_test(kind: ImportKind, column_map: ColumnMap) -> HeaderTest:
    """Build the test by which a file's header is told from notes before it."""
    if column_map.columns:
        headers = {header.strip() for target in column_map.columns for header in column_map.list_headers(target)}
        return lambda cells: headers <= {cell.strip() for cell in cells}
    identifying = identifying_targets(kind)

    def names_columns(cells: Sequence[str]) -> bool:
        targets = column_guesses.list_targets(cells, kind)
        return bool(targets & identifying) and (len(targets) > 1 or sum(bool(cell.strip()) for cell in cells) == 1)

    return names_columns


def _is_dated_only_by_creation(kind: ImportKind, targets: Collection[str]) -> bool:
    return kind.name in {"companies", "leads"} and "created_at" in targets and "valid_from" not in targets


def _refuse_nameless_leads(names: Sequence[str], sample_rows: Sequence[Sequence[str]], left_out: Sequence[int]) -> None:
    if header := column_guesses.find_addresses(names, sample_rows, left_out):
        raise Unreadable(
            f"The leads would be known without an address, though the column {header!r} holds e-mail addresses. "
            "Say in a mapping which column is the `email`."
        )


def _columns_from_map(column_map: ColumnMap, names: Sequence[str]) -> list[tuple[str, int]]:
    columns = []
    for target in column_map.columns:
        for header in column_map.list_headers(target):
            if names.count(header.strip()) != 1:
                problem = "is not in" if header.strip() not in names else "stands more than once in"
                raise Unreadable(
                    f"The column {header!r} of the mapping {problem} the file. The header is: {_list_names(names)}. "
                    "If other lines stand before the header, give its line as `header_line` in the mapping."
                )
            columns.append((target, names.index(header.strip())))
    return columns


def _columns_from_guesses(guesses: Sequence[column_guesses.ColumnGuess]) -> list[tuple[str, int]]:
    places = [(guess.target, guess.rank, place) for place, guess in enumerate(guesses) if guess.target]
    headers: dict[str, str] = {}
    for target, _, place in places:
        if target in headers and target not in column_guesses.SEVERAL:
            raise Unreadable(
                f"The columns {headers[target]!r} and {guesses[place].header!r} both mean {target}; say which one in a mapping."
            )
        headers[target] = guesses[place].header
    return [(target, place) for target, _, place in sorted(places)]


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(validation.shorten_name(name) for name in list(names)[:20])
