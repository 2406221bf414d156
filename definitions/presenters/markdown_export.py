"""The published page of a version as Markdown: statement, rules, history, who signed (rules 9.30)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from definitions.models import Version
from definitions.presenters.published_page import PublishedPage, PublishedSection

#: Characters by which Markdown or HTML would take an author's words for markup.
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def write_markdown(page: PublishedPage) -> str:
    """Write the page; what authors wrote is escaped and stays on one line."""
    return "\n".join(_write_lines(page)) + "\n"


def _write_lines(page: PublishedPage) -> Iterator[str]:
    version = page.version
    company = f"{_escape(page.company)}: " if page.company else ""
    yield f"# {company}{_escape(version.definition.name)} {version.number}"
    yield ""
    if version.summary:
        yield f"{_escape(version.summary)}\n"
    yield f"{version.get_state_display()}{_describe_force(version)}. Owned by {_escape(version.owner)}."
    review = page.last_review
    last_review = f"{_escape(review.title)}, {_format_day(review.decided_at)}" if review else "none yet"
    yield f"Last review: {last_review}. Fingerprint: sha256 `{page.digest}`."
    yield from _write_statement(page)
    for section in page.sections:
        yield from _write_section(section)
    yield from _write_history(page)


def _describe_force(version: Version) -> str:
    if version.activated_at is None:
        return ""
    until = f" until {_format_day(version.retired_at)}" if version.retired_at else ""
    return f", in force from {_format_day(version.activated_at)}{until}"


def _write_statement(page: PublishedPage) -> Iterator[str]:
    yield "\n## In plain English\n"
    if page.version.own_statement:
        yield f"{_escape(page.version.own_statement)}\n"
        yield f"As the rows say it: {_escape(page.statement.text)}"
    else:
        yield _escape(page.statement.text)
    if page.statement.is_shortened:
        yield f"\nIn full: {_escape(page.statement.full_text)}"


def _write_section(section: PublishedSection) -> Iterator[str]:
    yield f"\n## {section.title}\n"
    yield "| Rule | Points | Why |" if section.gives_points else "| Rule | Why |"
    yield "| --- | --- | --- |" if section.gives_points else "| --- | --- |"
    for row in section.lines:
        rule = f"{_escape(row.note)}: {_escape(row.text)}" if row.note else _escape(row.text)
        points = f" {'' if row.points is None else f'{row.points:g}'} |" if section.gives_points else ""
        yield f"| {rule} |{points} {_escape(row.rationale)} |"


def _write_history(page: PublishedPage) -> Iterator[str]:
    yield "\n## Versions\n"
    yield "| Version | State | In force | Reason | Signed |"
    yield "| --- | --- | --- | --- | --- |"
    for version in page.history:
        signatures = "; ".join(
            f"{word.get_side_display()}: {_escape(str(word.by))}, {word.decision_words}, {_format_day(word.at)}"
            for word in version.sign_offs.all()
        )
        force = _describe_force(version).removeprefix(", in force ")
        yield f"| {version.number} | {version.get_state_display()} | {force} | {_escape(version.reason)} | {signatures} |"


def _escape(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _format_day(at: dt.datetime | None) -> str:
    return f"{at.day} {at:%B %Y}" if at else ""
