from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from babel import Locale

from config.accounts.vocabulary import SenderLocale
from leads.exceptions import Refused
from leads.normalization import locale_formats, written_dates, written_money, written_numbers
from leads.normalization.locale_formats import UNSTATED, SenderFormats
from leads.normalization.written_money import AmountRange

MONTH_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv")


def refusal_of(read: object, *args: object) -> str:
    with pytest.raises(Refused) as refused:
        read("x", *args)  # type: ignore[operator]  # a reader
    return refused.value.rule


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1200", 1200), ("1200.50", 1200.5), ("1,200.50", 1200.5), ("1.200,50", 1200.5), ("1 200,50", 1200.5), ("1'200.50", 1200.5),
        ("1’200.50", 1200.5), ("1\u00a0200,50", 1200.5), ("1\u202f200\u202f000", 1_200_000), ("1.200.000", 1_200_000),
        ("12,34,567", 1_234_567), ("1,5", 1.5), ("0,125", 0.125), ("0.125", 0.125), ("1234.567", 1234.567), (".5", 0.5), ("−5", -5),
        ("-1.200,5", -1200.5), ("1.5E+06", 1_500_000), ("007", 7), (" 5 ", 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("locale", ["", "de", "en-US"])
def test_a_number_with_one_reading_is_read_in_any_locale(text: str, number: float, locale: str) -> None:
    assert written_numbers.read_number("x", text, locale) == number


@pytest.mark.parametrize(
    ("text", "by_locale"),
    [
        ("1,234", {"de": 1.234, "fr": 1.234, "en-US": 1234, "de-CH": 1234, "es-MX": 1234, "pt_BR": 1.234}),
        ("1.234", {"de": 1234, "fr": 1234, "en-US": 1.234, "de-CH": 1.234, "en": 1.234, "sv": 1234}),
        ("-12.500", {"de": -12500, "en-GB": -12.5}),
    ],
)
def test_a_number_with_two_readings_is_read_by_the_locale_or_refused(text: str, by_locale: dict[str, float]) -> None:
    assert {name: written_numbers.read_number("x", text, name) for name in by_locale} == by_locale
    rule = refusal_of(written_numbers.read_number, text)
    assert all(f"{number:g}" in rule for number in set(by_locale.values()))


@pytest.mark.parametrize(
    "text", ["", "-", "abc", "1,2,3", "12.34.56", "1 2", "1_000", "nan", "inf", "1e999", "1" * 40, "1,200,50", "5 %"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert "is not a number" in refusal_of(written_numbers.read_number, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13/1/2026", "2026-01-13T00:00:00"), ("1/13/2026", "2026-01-13T00:00:00"), ("5/5/2026", "2026-05-05T00:00:00"),
        ("12 Nov 2026", "2026-11-12T00:00:00"), ("Nov 12, 2026", "2026-11-12T00:00:00"), ("November 12th, 2026", "2026-11-12T00:00:00"),
        ("12-Nov-26", "2026-11-12T00:00:00"), ("12. März 2026", "2026-03-12T00:00:00"), ("12 de março de 2026", "2026-03-12T00:00:00"),
        ("12 października 2026 r.", "2026-10-12T00:00:00"), ("1er mai 2026", "2026-05-01T00:00:00"),
        ("2026-03-12 09:14", "2026-03-12T09:14:00"), ("2026/03/12", "2026-03-12T00:00:00"), ("3/15/2024 2:30 PM", "2024-03-15T14:30:00"),
        ("3/15/2024 12:05 a.m.", "2024-03-15T00:05:00"), ("15.03.2024, 14:30 Uhr", "2024-03-15T14:30:00"),
        ("2026-03-12T09:14:00Z", "2026-03-12T09:14:00+00:00"), ("2026-03-12 09:14:00 UTC", "2026-03-12T09:14:00+00:00"),
        ("2013-09-26T06:56:35+0000", "2013-09-26T06:56:35+00:00"), ("Thu, 12 Nov 2026 09:14:00 +0100", "2026-11-12T09:14:00+01:00"),
        ("Thu Nov 12 09:14:00 2026", "2026-11-12T09:14:00"), ("15.03.2024 14:30 +05:30", "2024-03-15T14:30:00+05:30"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("locale", ["", "de", "en-US"])
def test_a_date_with_one_reading_is_read_in_any_locale(text: str, expected: str, locale: str) -> None:
    assert written_dates.read_date_time("x", text, locale).isoformat() == expected


def test_a_date_with_two_readings_is_read_by_the_locale_or_refused() -> None:
    days = {name: written_dates.read_date_time("x", "5/1/2026", name) for name in ("de", "en-GB", "en-US", "fr")}

    assert {name: f"{day:%m-%d}" for name, day in days.items()} == {
        "de": "01-05",
        "en-GB": "01-05",
        "en-US": "05-01",
        "fr": "01-05",
    }
    for locale in ("", "en", "sv"):
        assert "is 5 January 2026 or 1 May 2026" in refusal_of(written_dates.read_date_time, "5/1/2026", locale)
    assert written_dates.read_date_time("x", "5/1/26", "en-US") == dt.datetime(2026, 5, 1)  # noqa: DTZ001  # no zone


@pytest.mark.parametrize(
    "text", ["", "soon", "31/31/2026", "30 Feb 2026", "May 2026", "12 Foo 2026", "12:30", "1/2/3/4", "1767600000"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    assert "is not a date" in refusal_of(written_dates.read_date_time, text)


def test_a_time_in_a_zone_by_its_abbreviation_is_refused() -> None:
    assert "zone cannot be read" in refusal_of(written_dates.read_date_time, "2026-03-12 09:14 CET")


@pytest.mark.parametrize("language", MONTH_LANGUAGES)
def test_every_month_is_read_by_its_names_in_the_languages_of_the_markets(language: str) -> None:
    for use in ("format", "stand-alone"):
        for number, name in Locale(language).months[use]["wide"].items():
            assert written_dates.read_date_time("x", f"7 {name} 2026") == dt.datetime(2026, number, 7)  # noqa: DTZ001  # no zone


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("€1.2m", 1_200_000, "EUR"), ("USD 5,000,000", 5_000_000, "USD"), ("5000 EUR", 5000, "EUR"), ("10 Mio. €", 10_000_000, "EUR"),
        ("1,5 Mrd", 1_500_000_000, ""), ("2 M€", 2_000_000, "EUR"), ("3 TEUR", 3000, "EUR"), ("CHF 1’200’000", 1_200_000, "CHF"),
        ("£3bn", 3_000_000_000, "GBP"), ("US$ 3.5M", 3_500_000, "USD"), ("R$ 5.000,00", 5000, "BRL"),
        ("1.2 billion USD", 1_200_000_000, "USD"),
        ("5 crore INR", 50_000_000, "INR"), ("1 200 000 zł", 1_200_000, "PLN"), ("5keur", 5000, "EUR"), ("5000", 5000, ""),
    ],
)  # fmt: skip
def test_an_amount_is_read_with_its_currency(text: str, amount: int, currency: str) -> None:
    money = written_money.read_money("x", text)

    assert (money.amount, money.currency) == (amount, currency)


@pytest.mark.parametrize(
    ("formats", "currency"),
    [
        (SenderFormats("en-US"), "USD"), (SenderFormats("en-CA"), "CAD"), (SenderFormats("", "AUD"), "AUD"),
        (SenderFormats("", "", "USD"), "USD"), (SenderFormats("en-US", "CAD", "EUR"), "CAD"),
    ],
)  # fmt: skip
def test_a_dollar_is_the_senders_own(formats: SenderFormats, currency: str) -> None:
    assert written_money.read_money("x", "$10k", formats).currency == currency


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("$10k", "is in USD, CAD or another currency"), ("500 kr", "is in SEK, NOK or another currency"),
        ("12 apples", "“apples” is no currency"),
        ("€5 USD", "names two currencies: EUR and USD"), ("EUR", "is not an amount"), ("10 mil", "is thousands or millions"),
        ("1,234 EUR", "is 1234 or 1.234"), ("9" * 17 + " bn", "is not an amount"),
    ],
)  # fmt: skip
def test_an_amount_that_could_be_several_is_refused_with_its_readings(text: str, rule: str) -> None:
    assert rule in refusal_of(written_money.read_money, text, SenderFormats(home_currency="EUR"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10k-50k EUR", (10_000, 50_000, "EUR")), ("€10,000 – €50,000", (10_000, 50_000, "EUR")), ("up to 20000 USD", (0, 20_000, "USD")),
        ("50k+", (50_000, None, "")), ("€50k+", (50_000, None, "EUR")), ("10-50k", (10_000, 50_000, "")),
        ("10.000 - 50.000 €", (10_000, 50_000, "EUR")), ("ca. 30k EUR", (30_000, 30_000, "EUR")),
        ("€40k–60k a year", (40_000, 60_000, "EUR")),
        ("between 10k and 20k GBP", (10_000, 20_000, "GBP")), ("von 10.000 bis 20.000 Euro", (10_000, 20_000, "EUR")),
        ("1-2 Mio. EUR", (1_000_000, 2_000_000, "EUR")), ("10,000-1m EUR", (10_000, 1_000_000, "EUR")), ("<10k €", (0, 10_000, "EUR")),
        ("over €1m", (1_000_000, None, "EUR")), ("20000", (20_000, 20_000, "")),
    ],
)  # fmt: skip
def test_a_budget_is_read_as_a_range_with_its_currency(text: str, expected: tuple[int, int | None, str]) -> None:
    low, high, currency = expected

    assert written_money.read_budget(text) == AmountRange(
        Decimal(low), None if high is None else Decimal(high), currency
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "TBD", "none", "Approved for this fiscal year", "Q3 2026", "2026 budget", "$10k", "10k EUR - 20k USD", "50k - 10k EUR",
        "approved 20k", "Part of the ERP programme", "x" * 5000,
    ],
)  # fmt: skip
def test_a_budget_that_is_no_range_is_not_read(text: str) -> None:
    assert written_money.read_budget(text) is None


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("51-200", (51, 200)), ("1,001 to 5,000", (1001, 5000)), ("1.001 – 5.000 Mitarbeiter", (1001, 5000)), ("1000+", (1000, None)),
        ("<50", (0, 49)), (">1000", (1001, None)), ("1K - 5K", (1000, 5000)), ("10,001+ employees", (10_001, None)),
        ("1,200", (1200, 1200)),
        ("1.234", (1234, 1234)), ("250.0", (250, 250)), ("500 or more", (500, None)),
    ],
)  # fmt: skip
def test_a_count_has_no_decimals_so_that_its_marks_are_of_thousands(text: str, band: tuple[int, int | None]) -> None:
    assert written_numbers.read_count_band("x", text) == band


def test_a_count_that_could_end_in_decimals_is_read_by_the_locale_or_refused() -> None:
    assert written_numbers.read_count_band("x", "10.000", "de") == (10_000, 10_000)
    assert written_numbers.read_count_band("x", "10.000", "en-US") == (10, 10)
    assert "is 10000 or 10" in refusal_of(written_numbers.read_count_band, "10.000")


def test_every_locale_that_a_key_can_state_is_known() -> None:
    assert all(locale_formats.is_known_locale(locale) for locale in SenderLocale.values)
    assert not locale_formats.is_known_locale("xx")
    assert UNSTATED.rules.decimal == ""


@pytest.mark.parametrize(
    "text", ["." * 1_000_000, " " * 1_000_000 + "x", "1" * 1_000_000, "1/" * 500_000, "€" * 1_000_000]
)
def test_a_megabyte_is_refused_at_once(text: str) -> None:
    for read in (
        written_numbers.read_number,
        written_money.read_money,
        written_dates.read_date_time,
        written_numbers.read_count_band,
    ):
        assert refusal_of(read, text)
    assert written_money.read_budget(text) is None
