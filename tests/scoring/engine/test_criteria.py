"""Operators, bands and titles, value by value."""

from __future__ import annotations

import pytest

from scoring.engine.bands import Band, parse_band
from scoring.engine.criteria import predicate
from scoring.engine.profile import domain_of
from scoring.engine.rules import CriterionRule

LISTS = {"free_email": frozenset({" Gmail.com", "GMX.de"})}
NAN = float("nan")


def answer(op: str, expected_value: object, value: object, field: str = "lead.custom.x") -> bool | None:
    return predicate(CriterionRule("gate.1", field, op, expected_value), LISTS)(value)


@pytest.mark.parametrize(
    ("op", "expected_value", "value", "expected"),
    [
        ("between", (50, 1000), 50, True),
        ("between", (50, 1000), 1000, True),
        ("between", (50, 1000), 49.999, False),
        ("between", (50, None), 10**9, True),
        ("between", (None, 1000), -5, True),
        ("between", (None, None), 7, True),
        ("between", (50, 1000), " 250 ", True),
        ("between", (50, 1000), "250.5", True),
        ("between", (50, 1000), "1e2", None),
        ("between", (50, 1000), "inf", None),
        ("between", (50, 1000), float("inf"), None),
        ("between", (50, 1000), "about 250", None),
        ("between", (0, 1), True, None),
        ("between", (50, 1000), Band(50, 1000), True),
        ("between", (50, 1000), Band(1001, None), False),
        ("between", (50, 1000), Band(1000, None), None),
        ("between", (50, 1000), "51-200", True),
        ("at_least", 40, 40, True),
        ("at_least", 40, Band(1, 40), None),
        ("at_most", 40, 40.000001, False),
        ("in", ("US", "de"), " DE ", True),
        ("in", ("US", "de"), "d", False),
        ("in", (5, 7.5), 5, True),
        ("in", (5, 7.5), "7.5", True),
        ("in", ("5",), 5.0, True),
        ("in", (1,), True, False),
        ("in", (True,), True, True),
        ("in", (True,), "TRUE", True),
        ("in", (), "US", False),
        ("in", ("STRASSE",), "Straße", True),
        ("not_in", ("US",), "de", True),
        ("not_in", ("US",), "us", False),
        ("contains_any", ("market", ""), "Head of MARKETING", True),
        ("contains_any", ("",), "anything", False),
        ("has_word_any", ("intern", "student"), "Intern, Sales", True),
        ("has_word_any", ("intern", "student"), "Internal Sales", False),
        ("has_word_any", ("vice president",), "Vice  President of Sales", True),
        ("has_word_any", ("c++",), "C++ developer", True),
        ("has_word_any", ("étudiant",), "Étudiante", False),
        ("has_word_any", ("学生",), "学生", True),
        ("has_word_any", (), "anything", False),
        ("has_any", ("django", "redis"), ("Flask", " Redis "), True),
        ("has_any", ("django",), ("Flask",), False),
        ("has_any", ("django",), "Django", True),
        ("is", True, True, True),
        ("is", False, True, False),
        ("is", True, "yes", True),
        ("is", True, "perhaps", None),
        ("in_list", "free_email", "GMAIL.com", True),
        ("in_list", "free_email", "firm.example", False),
        ("in_list", "free_email", "mail.gmail.com", True),
        ("in_list", "free_email", "notgmail.com", False),
    ],
)
def test_an_operator_answers_a_value(op: str, expected_value: object, value: object, expected: bool | None) -> None:
    assert answer(op, expected_value, value) is expected


@pytest.mark.parametrize("value", [None, "", "  ", NAN, (), ("", None), Band(None, None)])
@pytest.mark.parametrize(
    ("op", "expected_value"),
    [
        ("between", (None, None)), ("at_least", 0), ("in", ("",)), ("not_in", ("x",)), ("contains_any", ("",)),
        ("has_word_any", ("x",)), ("has_any", ("x",)), ("is", False), ("in_list", "free_email"),
    ],
)  # fmt: skip
def test_a_missing_value_is_unknown_to_all_but_known(op: str, expected_value: object, value: object) -> None:
    assert answer(op, expected_value, value) is None
    assert answer("known", True, value) is False
    assert answer("known", False, value) is True


@pytest.mark.parametrize("value", [0, False, "x", ("", "x"), Band(1, None)])
def test_zero_and_false_are_known_values(value: object) -> None:
    assert answer("known", True, value) is True
    assert answer("known", False, value) is False


@pytest.mark.parametrize(
    ("op", "expected_value", "value", "expected"),
    [
        ("at_least", "director", "Director", True),
        ("at_least", "Director", "senior_manager", False),
        ("at_least", "director", "C-Suite", True),
        ("at_most", "manager", "vp", False),
        ("between", ("manager", "vp"), "Senior Manager", True),
        ("in", ("vp", "C level"), "c-level", True),
        ("not_in", ("intern",), "VP", True),
        ("at_least", "intern", "grand vizier", None),
    ],
)
def test_seniorities_compare_by_their_place_on_the_ladder(
    op: str, expected_value: object, value: str, expected: bool | None
) -> None:
    assert answer(op, expected_value, value, "lead.seniority") is expected


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (CriterionRule("gate.1", "lead.title", "like", "x"), "gate.1: there is no operator 'like'"),
        (
            CriterionRule("gate.2", "lead.email_domain", "in_list", "nowhere"),
            "gate.2: there is no list named 'nowhere'",
        ),
        (CriterionRule("gate.3", "lead.seniority", "at_least", "boss"), "gate.3: 'boss' is no seniority"),
        (CriterionRule("gate.4", "company.employees", "between", 5), "gate.4: between needs"),
        (CriterionRule("gate.5", "company.employees", "at_least", "many"), "gate.5: 'many' is not a number"),
    ],
)
def test_an_unknown_field_or_operator_is_refused_by_name(criterion: CriterionRule, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predicate(criterion, LISTS)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("51-200", Band(51, 200)),
        (" 51 – 200 employees", Band(51, 200)),
        ("1,001-5,000", Band(1001, 5000)),
        ("51 to 200", Band(51, 200)),
        ("1000+", Band(1000, None)),
        ("10,001+ employees", Band(10001, None)),
        (">1000", Band(1001, None)),
        (">= 1000", Band(1000, None)),
        ("<50", Band(None, 49)),
        ("up to 50", Band(None, 50)),
        ("250", Band(250, 250)),
    ],
)
def test_a_band_is_read_as_people_write_it(text: str, band: Band) -> None:
    assert parse_band(text) == band


@pytest.mark.parametrize("text", ["", "many", "200-51", "1-2-3", "-50", "51-", "1,00-2,00", "9" * 5000 + "x"])
def test_a_text_that_is_no_band_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="band"):
        parse_band(text)


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("a@b.example", "b.example"),
        ("a@b@c.example", "c.example"),
        ("a@", None),
        ("nobody", None),
        (None, None),
        (5, None),
    ],
)
def test_a_domain_is_what_follows_the_last_at(email: object, domain: str | None) -> None:
    assert domain_of(email) == domain
