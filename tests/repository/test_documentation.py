"""The rules, the glossary and the citations of both agree, and nothing cites a document outside the repository."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("config", "leads", "definitions", "scoring", "sla")

#: Texts whose suffix is none of these may be binary.
TEXTS: Final = frozenset(
    {".py", ".html", ".txt", ".md", ".js", ".css", ".toml", ".yml", ".yaml", ".cfg", ".sql", ".sh", ""}
)
#: What other projects wrote, and lists of packages.
NOT_OURS: Final = ("static/vendor/", "requirements", "tests/data/")

NUMBER: Final = r"\d{1,2}\.\d{1,3}"
RULE: Final = re.compile(rf"^\*\*({NUMBER})\*\* \S", re.MULTILINE)
CHAPTER: Final = re.compile(r"^## (\d+)\. ", re.MULTILINE)
#: “rules 4.2”, “rules 3.5, 6.2”, “rules 3.1 and 9.2”, “Rules 3.1 to 3.8, 15.3”, also over the end of a line.
CITATION: Final = re.compile(
    rf"\brules?\s+({NUMBER}(?:(?:,\s*(?:and\s+)?|\s+(?:and|to|or)\s+){NUMBER})*)", re.IGNORECASE
)
OUTSIDE: Final = re.compile(
    r"\bSPEC(?:\.md| \d)|\bS[0-4]\.\d+|\b(?:FIELD_NOTES|REQUIREMENTS(?:\.md| S\d)|RELIABILITY\b|PERFORMANCE\.md|HOUSE\.md|STYLE\.md"
    r"|ARCHITECTURE(?:\.md| \d))|(?:\.\./|/work/)shared\b"
)
#: Pains of users were numbered P1 to P25; a percentile (P95) has no place in a comment either.
PAIN: Final = re.compile(r"(?:#|\"\"\"|^\s+[A-Z(]).*\bP\d{1,2}\b")
TERM: Final = re.compile(
    r"^\| (?P<term>[^|]+) \| (?P<meaning>[^|]+) \| `(?P<module>[a-z0-9_.]+)` \| (?P<page>[^|]*) ?\|$"
)


def _tracked() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text file of the project, also of files that are not committed yet."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if names.returncode:
        pytest.skip("This is no checkout of git.")
    for name in names.stdout.splitlines():
        path = ROOT / name
        if path.suffix in TEXTS and not name.startswith(NOT_OURS) and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


def _rules() -> list[tuple[int, int]]:
    """Return the (chapter, number) of each rule, in the order of the page."""
    numbers = RULE.findall((ROOT / "docs/rules.md").read_text(encoding="utf-8"))
    return [_split(number) for number in numbers]


def _split(number: str) -> tuple[int, int]:
    chapter, place = number.split(".")
    return int(chapter), int(place)


def _cited(text: str) -> Iterator[str]:
    # A comment or docstring may be wrapped within a citation.
    plain = re.sub(r"\n[ \t]*#:?[ \t]*", " ", text)
    for match in CITATION.finditer(plain):
        yield from re.findall(NUMBER, match[1])


def test_rules_are_numbered_uniquely_and_in_order() -> None:
    rules = _rules()
    assert len(rules) > 100
    assert rules == sorted(set(rules))
    for chapter, numbers in groupby(rules, key=lambda rule: rule[0]):
        places = [place for _, place in numbers]
        assert places == list(range(1, len(places) + 1)), chapter


def test_each_rule_stands_in_its_own_chapter() -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    heads = list(CHAPTER.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        section = text[head.end() : following.start() if following else None]
        assert {number.split(".")[0] for number in RULE.findall(section)} == {head[1]}


def test_every_cited_rule_exists() -> None:
    known = {f"{chapter}.{place}" for chapter, place in _rules()}
    unknown = [f"{name}: rules {number}" for name, text in _tracked() for number in _cited(text) if number not in known]
    assert not unknown


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("as rules 4.2 say", ["4.2"]),
        ("(rules 3.5, 6.2)", ["3.5", "6.2"]),
        ("rules 3.1 and 9.2.", ["3.1", "9.2"]),
        ("Rules 3.1 to 3.8, 15.3 to 15.7 once more", ["3.1", "3.8", "15.3", "15.7"]),
        ("#: as agreed (rules\n#: 6.20). Each", ["6.20"]),
        ("rules of 4.2", []),
    ],
)
def test_citations_are_read_in_each_form(text: str, numbers: list[str]) -> None:
    assert list(_cited(text)) == numbers


def test_nothing_cites_a_document_outside_the_repository() -> None:
    citations = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in _tracked()
        if ROOT / name != Path(__file__).resolve()
        for number, line in enumerate(text.splitlines(), start=1)
        if OUTSIDE.search(line) or (name.endswith(".py") and PAIN.search(line))
    ]
    assert not citations


def _terms() -> list[re.Match[str]]:
    """Return the rows of the glossary, each well-formed."""
    lines = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|")][2:]
    matches = [(line, TERM.match(line)) for line in rows]
    malformed = [line for line, match in matches if match is None]
    assert not malformed
    return [match for _, match in matches if match is not None]


def test_glossary_is_sorted_and_names_each_term_once() -> None:
    terms = [row["term"].casefold() for row in _terms()]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


def test_modules_of_the_glossary_exist() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(rf"`((?:{'|'.join(PACKAGES)})\.[A-Za-z0-9_.]+)`", text))
    assert named
    missing = [name for name in sorted(named) if not _exists(name)]
    assert not missing


def _exists(dotted: str) -> bool:
    """Return whether a file or folder has this name, or one file above it mentions the last part as a name of its own."""
    path = ROOT.joinpath(*dotted.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    owner, name = path.parent, path.name
    files = [owner.with_suffix(".py"), *owner.glob("*.py")]
    return any(
        re.search(rf"^(?:class |def )?{re.escape(name)}\b", file.read_text(encoding="utf-8"), re.MULTILINE)
        for file in files
        if file.is_file()
    )
