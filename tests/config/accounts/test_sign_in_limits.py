"""Wrong passwords slow down those who type them, and keep nobody else out (rules 18.4, 18.8)."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "north-by-northlane"
OWNER, STRANGER = "203.0.113.5", "198.51.100.7"


@pytest.fixture
def person() -> User:
    person: User = UserFactory()
    person.set_password(PASSWORD)
    person.save()
    return person


def sign_in(person: User, password: str, *, source: str, client: Client | None = None) -> HttpResponse:
    login = {"login": person.email, "password": password}
    return (client or Client()).post(reverse("account_login"), login, REMOTE_ADDR=source)


def is_signed_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302


def test_five_wrong_passwords_from_elsewhere_keep_nobody_out(person: User) -> None:
    for _ in range(6):
        refused = sign_in(person, "wrong", source=STRANGER)

    assert "Too many failed attempts" in refused.content.decode()
    assert not is_signed_in(sign_in(person, PASSWORD, source=STRANGER))
    assert is_signed_in(sign_in(person, PASSWORD, source=OWNER))


def test_many_sources_together_are_limited_and_a_known_device_is_let_through(person: User) -> None:
    device = Client()
    sign_in(person, PASSWORD, source=OWNER, client=device)
    device.post(reverse("account_logout"))
    for number in range(31):
        sign_in(person, "wrong", source=f"198.51.100.{number}")

    assert not is_signed_in(sign_in(person, PASSWORD, source=OWNER))
    assert is_signed_in(sign_in(person, PASSWORD, source=OWNER, client=device))


def test_a_known_device_of_somebody_else_has_no_way_of_its_own(person: User) -> None:
    device = Client()
    colleague: User = UserFactory()
    colleague.set_password(PASSWORD)
    colleague.save()
    sign_in(colleague, PASSWORD, source=OWNER, client=device)
    device.post(reverse("account_logout"))
    for number in range(31):
        sign_in(person, "wrong", source=f"198.51.100.{number}")

    assert not is_signed_in(sign_in(person, PASSWORD, source=OWNER, client=device))


def test_a_known_device_is_limited_like_any_other_source(person: User) -> None:
    device = Client()
    sign_in(person, PASSWORD, source=OWNER, client=device)
    device.post(reverse("account_logout"))
    for _ in range(5):
        sign_in(person, "wrong", source=OWNER, client=device)

    assert not is_signed_in(sign_in(person, PASSWORD, source=OWNER, client=device))


def test_another_port_of_the_site_begins_no_new_count(person: User) -> None:
    for port in range(8001, 8006):
        Client(headers={"host": f"testserver:{port}"}).post(
            reverse("account_login"), {"login": person.email, "password": "wrong"}, REMOTE_ADDR=STRANGER
        )

    assert not is_signed_in(sign_in(person, PASSWORD, source=STRANGER))


def test_all_addresses_of_an_ipv6_network_are_one_source(person: User) -> None:
    for number in range(5):
        sign_in(person, "wrong", source=f"2001:db8:0:7::{number}")

    assert not is_signed_in(sign_in(person, PASSWORD, source="2001:db8:0:7:ffff::1"))
    assert is_signed_in(sign_in(person, PASSWORD, source="2001:db8:0:8::1"))


@pytest.mark.parametrize("letter", ["\N{LATIN SMALL LETTER LONG S}", "\N{LATIN SMALL LETTER DOTLESS I}"])
def test_an_address_in_look_alike_letters_is_nobodys(person: User, letter: str) -> None:
    User.objects.filter(pk=person.pk).update(email="silvia@acme.example")
    login = {"login": "silvia@acme.example".replace(letter.upper().lower(), letter), "password": PASSWORD}

    assert not is_signed_in(Client().post(reverse("account_login"), login))


def test_a_password_reset_lets_the_owner_in_while_strangers_try(person: User) -> None:
    for number in range(31):
        sign_in(person, "wrong", source=f"198.51.100.{number}")
    client = Client()
    client.post(reverse("account_reset_password"), {"email": person.email}, REMOTE_ADDR=OWNER)
    (link,) = re.findall(r"http://\S+", str(mail.outbox[0].body))
    form = client.get(link, follow=True, REMOTE_ADDR=OWNER)
    new = {"password1": "east-of-eastlane", "password2": "east-of-eastlane"}

    client.post(form.redirect_chain[-1][0], new, REMOTE_ADDR=OWNER)

    assert client.get(reverse("home"), follow=True, REMOTE_ADDR=OWNER).context["user"] == person
