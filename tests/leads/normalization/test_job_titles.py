"""Seniority from job titles: our own cases, and titles that others wrote in nine languages."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from leads.models import Lead
from leads.normalization.job_titles import LADDER, rank_of, seniority_of
from leads.vocabulary import Seniority

DATA = Path(__file__).parents[2] / "data"


def read_labelled(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_right(row: dict[str, str]) -> bool:
    seniority = seniority_of(row["title"])
    return seniority is not None and (
        LADDER.index(row["at_least"]) <= LADDER.index(seniority) <= LADDER.index(row["at_most"])
    )


def test_titles_that_others_wrote_are_read_right() -> None:
    rows = read_labelled(DATA / "job_titles.csv")

    right = sum(map(is_right, rows))
    unknown = sum(seniority_of(row["title"]) is None for row in rows)

    assert len(rows) >= 300
    assert right * 100 >= len(rows) * 90
    assert unknown * 100 <= len(rows) * 10


def test_nobody_without_a_rank_of_their_own_is_ranked_as_a_chief() -> None:
    rows = read_labelled(DATA / "job_titles.csv") + read_labelled(DATA / "cases" / "titles" / "titles.csv")
    contributors = [row["title"] for row in rows if row["at_most"] == "individual contributor"]

    assert [
        title for title in contributors if seniority_of(title) not in (None, "intern", "individual contributor")
    ] == []


@pytest.mark.parametrize("row", read_labelled(DATA / "cases" / "titles" / "titles.csv"), ids=lambda row: row["title"])
def test_the_titles_of_the_case_are_read_right(row: dict[str, str]) -> None:
    assert is_right(row), seniority_of(row["title"])


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        (None, None),
        ("  ", None),
        ("Intern Operations", "intern"),
        ("Marketing Manager Intern", "intern"),
        ("Working Student", "intern"),
        ("Director of Student Affairs", "director"),
        ("Student Success Manager", "manager"),
        ("Internal Auditor", "individual contributor"),
        ("Specialist IT", "individual contributor"),
        ("Zorgl", None),
        ("Manager IT", "manager"),
        ("Product Manager", "manager"),
        ("Team Lead, Support", "manager"),
        ("Lead Generation Specialist", "individual contributor"),
        ("Senior Manager Procurement", "senior manager"),
        ("Sr. Marketing Manager", "senior manager"),
        ("Director Operations", "director"),
        ("Head of Growth", "director"),
        ("Chief of Staff", "director"),
        ("VP Sales", "vp"),
        ("S.V.P., Marketing", "vp"),
        ("Senior Vice-President", "vp"),
        ("CEO", "c-level"),
        ("C.F.O.", "c-level"),
        ("C-level Operations", "c-level"),
        ("Chief Information Security Officer", "c-level"),
        ("Co-Founder & VP Product", "c-level"),
        ("President", "c-level"),
        ("Owner", "c-level"),
        ("Product Owner", "individual contributor"),
        ("Executive Assistant to the CEO", "individual contributor"),
        ("Analyst, Office of the CFO", "individual contributor"),
        ("CEO's nephew", None),
        ("Directory Editor", "individual contributor"),
    ],
)
def test_a_title_gives_its_seniority(title: str | None, seniority: str | None) -> None:
    assert seniority_of(title) == seniority


def test_the_ladder_is_ordered() -> None:
    assert [rank_of(name) for name in LADDER] == list(range(7))


@pytest.mark.parametrize(
    "title",
    [
        "Assistenz der Geschäftsführung", "Vorstandsassistentin", "Referent des Vorstands", "Geschäftsleitungsassistentin",
        "Assistante de direction", "Adjointe au directeur", "Secretaria de Dirección", "Asistente de Presidencia",
        "Segretaria di direzione", "Assistente da Diretoria", "Directiesecretaresse", "Asystentka prezesa zarządu", "VD-assistent",
        "PA to Managing Director", "PA/EA to the C.E.O.", "CEO & CFO Assistant", "Exec. Asst. - Chief Executive",
        "Managing Director - Personal Assistant", "Vice President's Assistant", "Assistant to the Regional Manager",
        "Coach for CEOs and Founders", "Advisor to CEO & Founder", "Mitarbeiter Geschäftsführung", "CEO Coach",
        "President's club coordinator", "Head Office clerk", "VP Support Analyst", "Product Owner", "HR Business Partner",
    ],
)  # fmt: skip
def test_a_rank_of_somebody_else_is_not_taken(title: str) -> None:
    assert seniority_of(title) == "individual contributor"


@pytest.mark.parametrize(
    "title",
    [
        "Former CEO", "ex-VP", "retired director", "CEO (former)", "Retired - Director", "ehemaliger Geschäftsführer",
        "Geschäftsführer a.D.", "Ex-directeur", "Ancienne PDG", "Antiguo CEO", "Exdirector de ventas", "Ex amministratore delegato",
        "Antigo diretor", "Voormalig CEO", "Oud-directeur", "Była dyrektor", "F.d. VD",
    ],
)  # fmt: skip
def test_a_rank_of_the_past_is_not_taken(title: str) -> None:
    assert seniority_of(title) == "individual contributor"


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        ("Assistant Director", "director"),
        ("Associate Director", "director"),
        ("Assistant Vice President", "vp"),
        ("Deputy Head of Sales", "director"),
        ("Assistant Manager", "manager"),
        ("Executive Assistant & Office Manager", "manager"),
        ("Consultant, ex-CEO", "individual contributor"),
        ("Ex CFO and now CEO", "c-level"),
        ("Head of CEO Office", "director"),
        ("Chief Marketing & Sales Officer", "c-level"),
        ("Chief Engineer", "director"),
        ("Developer Relations Manager", "manager"),
        ("Director Developer Relations", "director"),
    ],
)
def test_a_rank_beside_such_words_stays(title: str, seniority: str) -> None:
    assert seniority_of(title) == seniority


@pytest.mark.parametrize(
    "spellings",
    [
        ("VP Sales", "V.P. Sales", "Vice-President Sales", "vice president, sales"),
        ("CEO", "C.E.O.", " ceo ", "Ceo"),
        ("Geschäftsführerin", "Geschaeftsfuehrerin", "GESCHÄFTSFÜHRERIN", "Geschäftsführer:in", "Geschäftsführer/in"),
        (
            "Leiter Einkauf",
            "Leiterin Einkauf",
            "Leiter*in Einkauf",
            "Leiter (m/w/d) Einkauf",
            "Einkaufsleiter",
            "Leitung Einkauf",
        ),
        ("Directeur achats", "Directrice des achats", "Directeur·rice achats", "DIRECTEUR ACHATS (H/F)"),
        ("Chargé de mission", "Chargée de mission", "Chargé(e) de mission", "CHARGE DE MISSION"),
        ("Właściciel", "Wlasciciel", "Właścicielka"),
    ],
    ids=lambda spellings: spellings[0],
)
def test_spellings_of_one_title_have_one_rank(spellings: tuple[str, ...]) -> None:
    assert len({seniority_of(spelling) for spelling in spellings}) == 1
    assert seniority_of(spellings[0]) is not None


@pytest.mark.parametrize(
    "title", ["Zorgl", "N/A", "-", "???", "123", "Purchasing", "Büro des Vorstands", "Office of the CFO"]
)
def test_a_title_without_a_known_word_is_unknown(title: str) -> None:
    assert seniority_of(title) is None


def test_a_long_or_hostile_title_is_read_quickly() -> None:
    assert seniority_of("director " * 100_000) == "director"
    assert seniority_of("(" * 5_000 + "=cmd|' /C calc'!A0") is None


def test_the_ladder_is_the_vocabulary() -> None:
    assert list(LADDER) == Seniority.values


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"seniority": "vp", "title": "Buyer"}, "VP"),
        ({"title": "Einkaufsleiterin"}, "Director (from the title)"),
        ({"title": "Zorgl"}, "unknown: the title is not understood"),
        ({"title": ""}, "unknown"),
    ],
)
def test_a_lead_says_where_its_seniority_comes_from(fields: dict[str, str], text: str) -> None:
    assert Lead(**fields).seniority_text == text
