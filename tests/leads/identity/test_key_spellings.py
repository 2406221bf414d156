from __future__ import annotations

from collections.abc import Callable

import pytest

from leads.exceptions import NobodysKey, Refused
from leads.normalization import domain_names, salesforce_ids, validation
from leads.normalization.phone_numbers import to_phone_key
from leads.normalization.salesforce_ids import shorten_id


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("Kai@Acme.example", "kai@acme.example"),
        ("kai@bücher-lager.example", "kai@xn--bcher-lager-thb.example"),
        ("kai@straße.de", "kai@xn--strae-oqa.de"),
        (
            "\uff4b\uff41\uff49\uff20\uff41\uff43\uff4d\uff45\uff0e\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45",
            "kai@acme.example",
        ),
        ("mailto:kai@acme.example?subject=Hello", "kai@acme.example"),
        ("Kai Berg <kai@acme.example>", "kai@acme.example"),
        ('"Berg, Kai" <kai@acme.example>;', "kai@acme.example"),
        ("kai@acme.example (work)", "kai@acme.example"),
        ("<kai@acme.example>", "kai@acme.example"),
        ("'kai@acme.example',", "kai@acme.example"),
        ("kai@acme.example.", "kai@acme.example"),
        ("kai@acme.example#mailto:kai@acme.example#", "kai@acme.example"),
        ("kai+news@acme.example", "kai+news@acme.example"),
        ("o'neil@acme.example", "o'neil@acme.example"),
    ],
)
def test_an_address_has_one_spelling(cell: str, address: str) -> None:
    assert validation.email("email", cell) == address


@pytest.mark.parametrize(
    "cell",
    ["kai@acme.example, ada@acme.example", "kai@acme.example ada@acme.example", "A <a@b.example>; B <c@b.example>"],
)
def test_two_addresses_in_a_cell_are_refused_by_name(cell: str) -> None:
    with pytest.raises(Refused, match=r"more than one address, .* and .*: a row is about one person"):
        validation.email("email", cell)


@pytest.mark.parametrize(
    "cell", ["kai@acme", "@acme.example", "kai", "write to kai@acme.example", "kai@\u2603.example", "k ai@acme.example"]
)
def test_what_is_no_address_is_refused(cell: str) -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        validation.email("email", cell)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ops:secret@www.Acme.example:8443/about?a=b#c", "acme.example"),
        ("acme.example.", "acme.example"),
        ("//acme.example/x", "acme.example"),
        ("acme.example?utm=x", "acme.example"),
        ("Bücher-Lager.example", "xn--bcher-lager-thb.example"),
        ("www.straße.de", "xn--strae-oqa.de"),
        ("\uff21\uff23\uff2d\uff25\u3002example", "acme.example"),
        ("info@acme.example", "acme.example"),
        ("github.com", "github.com"),
    ],
)
def test_a_domain_has_one_spelling(url: str, host: str) -> None:
    assert validation.own_domain("domain", url) == host


@pytest.mark.parametrize(
    "url", ["localhost", "acme", "10.0.0.1", "http://[::1]/", "256.256.256.256", "n/a", "a b.example", "\u2603.example"]
)
def test_what_is_no_domain_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="is not a domain"):
        validation.own_domain("domain", url)


@pytest.mark.parametrize(
    "url",
    [
        "facebook.com",
        "https://de-de.facebook.com/acme",
        "linkedin.com/company/acme",
        "instagram.com/acme",
        "x.com/acme",
        "youtu.be/acme",
        "xing.com/pages/acme",
        "acme.wixsite.com/home",
        "acme.wordpress.com",
        "acme.blogspot.co.uk",
        "sites.google.com/view/acme",
        "acme.github.io",
        "acme.myshopify.com",
        "etsy.com/shop/acme",
        "amazon.de/stores/acme",
        "amazon.co.uk",
        "ebay.com.au/str/acme",
        "linktr.ee/acme",
        "acme.squarespace.com",
        "acme.zendesk.com",
        "clutch.co/profile/acme",
        "wellfound.com/company/acme",
        "www.linkedin.cn/company/acme",
        "google.com/maps/place/acme",
        "www.google.de/maps",
        "acme.notion.site",
        "github.com/acme",
        "gmail.com",
        "hotmail.co.uk",
        "co.uk",
        "www.com.br",
    ],
)
def test_a_page_at_a_shared_host_is_nobodys_domain(url: str) -> None:
    with pytest.raises(NobodysKey, match="it is nobody's own domain"):
        validation.own_domain("domain", url)


@pytest.mark.parametrize(
    "url", ["notfacebook.com", "google.com", "amazonia.example", "x.company", "ebay-parts.de", "wix.com", "my.web.dev"]
)
def test_hosts_that_resemble_a_shared_one_are_domains(url: str) -> None:
    assert validation.own_domain("domain", url) == url


def test_a_host_is_shown_in_letters_unless_they_could_pass_for_others() -> None:
    assert domain_names.to_letters("xn--bcher-lager-thb.example") == "bücher-lager.example"
    assert domain_names.to_letters("xn--pple-43d.com") == "xn--pple-43d.com"
    assert domain_names.address_to_letters("kai@xn--bcher-lager-thb.example") == "kai@bücher-lager.example"


def test_the_domains_above_a_host_end_at_the_registered_one() -> None:
    assert domain_names.domains_above("a.mail.acme.co.uk") == ("a.mail.acme.co.uk", "mail.acme.co.uk", "acme.co.uk")
    assert domain_names.domains_above("acme.example") == ("acme.example",)
    assert domain_names.domains_above("co.uk") == ("co.uk",)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("00Q5g00000AbCdEEAV", "00Q5g00000AbCdE"),
        ("0015g00000XyZaBAAV", "0015g00000XyZaB"),
        ("001D000000IRFmaIAH", "001D000000IRFma"),
        ("00Q5g00000AbCdEEAU", "00Q5g00000AbCdE"),
        ("00Q5g00000AbCdEAAA", "00Q5g00000AbCdEAAA"),
        ("00Q5g00000AbCdE", "00Q5g00000AbCdE"),
        ("001000000000000123", "001000000000000123"),
        ("evt-2026-01-01-001", "evt-2026-01-01-001"),
    ],
)
def test_a_salesforce_id_is_reduced_if_its_checksum_is_right(sent: str, stored: str) -> None:
    assert shorten_id(sent) == stored


@pytest.mark.parametrize(
    ("phone", "country", "key"),
    [
        ("+49 30 1234567", "", "+49301234567"),
        ("+49 (0) 30 1234567", "", "+49301234567"),
        ("0049 30/1234567", "", "+49301234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("030 1234567", "", "0301234567"),
        ("030 1234567", "Germany", "0301234567"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("+1 202 555 0123", "", "+12025550123"),
        ("+49301234567 ext. 12", "", "+49301234567x12"),
        ("+39 06 1234 5678", "", "+390612345678"),
        ("+44 (0)20 7946 0018", "", "+442079460018"),
        ("+36 06 30 123 4567", "", "+36301234567"),
        ("12345", "DE", ""),
        ("0000000", "", ""),
        ("call me", "", ""),
    ],
)
def test_a_phone_number_has_one_spelling(phone: str, country: str, key: str) -> None:
    assert to_phone_key(phone, country) == key


@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize("short", ["00QB0000001vQwX", "0035g00000AbCdE", "001000000000AbC"])
def test_the_checksum_gives_back_the_case_of_a_salesforce_id(short: str, case: Callable[[str], str]) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = (short[start : start + 5] for start in (0, 5, 10))
    long = short + "".join(
        alphabet[sum(character.isupper() << place for place, character in enumerate(part))] for part in parts
    )

    assert salesforce_ids.shorten_id(case(long)) == short
    assert not salesforce_ids.has_lost_case(case(long))


def test_a_salesforce_id_whose_case_is_lost_for_good_stays_as_it_came_and_is_told() -> None:
    long = "00qb0000001vqwxaaa"

    assert salesforce_ids.shorten_id(long[:-3] + "99a") == long[:-3] + "99a"
    assert salesforce_ids.has_lost_case(long[:-3] + "zzz")
    for other in ("abcdefghijklmnopqr", "001234567890123456", "00QB0000001vQwXEAU"):
        assert not salesforce_ids.has_lost_case(other)
