from __future__ import annotations

import hashlib
import json

import babel
import pytest

from leads.normalization.countries import (
    GENERATED,
    country_key,
    country_name,
    country_table,
    find_countries,
    read_country,
)

#: Names that CLDR gives to one country in some language, and that two countries share elsewhere.
SHARED = {"Congo", "Kongo"}


@pytest.mark.parametrize(
    "language", ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr", "ja", "ru", "hu"]
)
def test_every_country_is_read_in_this_language_and_none_is_wrong(language: str) -> None:
    names = babel.Locale(language).territories

    read = {code: read_country(names[code]) for code in country_table().english if names[code] not in SHARED}

    assert len(read) >= 247
    assert {code: country for code, country in read.items() if country != code} == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("USA", "US"), ("U.S.A.", "US"), ("U. S.", "US"), ("us", "US"), ("America", "US"), ("\uff35\uff33\uff21", "US"), ("EE.UU.", "US"),
        ("UK", "GB"), ("U.K.", "GB"), ("Great Britain", "GB"), ("England", "GB"), ("Scotland", "GB"), ("Wales", "GB"),
        ("Northern Ireland", "GB"), ("Ireland", "IE"), ("Republic of Ireland", "IE"), ("UAE", "AE"), ("KSA", "SA"),
        ("West Germany", "DE"), ("BRD", "DE"), ("FRG", "DE"), ("Burma", "MM"), ("Swaziland", "SZ"), ("Zaire", "CD"),
        ("Macedonia", "MK"), ("Holland", "NL"), ("The Netherlands", "NL"), ("NETHERLANDS (THE)", "NL"), ("Ivory Coast", "CI"),
        ("deu", "DE"), ("GBR", "GB"), ("Moldova, Republic of", "MD"), ("Iran (Islamic Republic of)", "IR"),
        ("Korea, Republic of", "KR"), ("Korea", "KR"), ("North Korea", "KP"), ("Taiwan, Province of China", "TW"),
        ("People's Republic of China", "CN"), ("Congo, The Democratic Republic of the", "CD"), ("Republic of the Congo", "CG"),
        ("Virgin Islands, British", "VG"), ("Virgin Islands, U.S.", "VI"), ("Georgia", "GE"), ("Guinea", "GN"),
        ("Germany (DE)", "DE"), ("DE - Germany", "DE"), ("Österreich", "AT"), ("OESTERREICH", "AT"), ("Osterreich", "AT"),
        ("les Pays-Bas", "NL"), ("l’Allemagne", "DE"), ("St. Lucia", "LC"), ("Bosnia and Herzegovina", "BA"), ("🇩🇪", "DE"),
        ("  germany \u200b", "DE"), ("Cote d’Ivoire", "CI"), ("Czech Republic", "CZ"), ("Turkey", "TR"), ("Hong Kong", "HK"),
        ("Kosovo", "XK"), ("NA", "NA"),
        ("UnitedKingdom", "GB"), ("united_states", "US"), ("Förenade kungariket", "GB"),
    ],
)  # fmt: skip
def test_a_usual_name_is_read(text: str, code: str) -> None:
    assert read_country(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "New Jersey", "Bavaria", "Texas", "Washington", "Atlanta, Georgia", "State of Georgia", "Paris, France", "US-CA",
        "Congo", "Virgin Islands", "Czechoslovakia", "Yugoslavia", "Soviet Union", "Europe", "DACH", "Ruritania", "en-US",
        "N/A", "n.a.", "-", "", " ", "XX", "x" * 500, "Germany or Austria", "Northern Cyprus", "Republic of Texas",
    ],
)  # fmt: skip
def test_a_text_that_names_no_country_or_two_is_nobodys(text: str) -> None:
    assert read_country(text) is None


def test_two_spellings_have_one_key_and_one_name() -> None:
    assert country_key("Deutschland") == country_key("de") == "DE"
    assert country_key(" Atlantis ") == country_key("ATLANTIS")
    assert (country_name("DE"), country_name("Atlantis")) == ("Germany", "Atlantis")


def test_countries_are_found_by_a_part_of_their_names() -> None:
    assert find_countries(["united kingdom"]) == ["GB"]
    assert {"US", "GB", "AE"} <= set(find_countries(["United"]))
    assert find_countries(["niger"], whole_words=True) == ["NE"]
    assert find_countries([" "]) == []


def test_the_generated_table_has_its_digest() -> None:
    table = json.loads(GENERATED.read_text(encoding="utf-8"))

    content = {part: table[part] for part in ("english", "alpha_3", "names")}

    assert table["digest"] == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
