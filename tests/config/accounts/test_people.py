from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from config.accounts.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "north-by-northlane"


def test_people_have_no_user_name() -> None:
    assert "username" not in {field.name for field in User._meta.get_fields()}
    assert (User.USERNAME_FIELD, User.REQUIRED_FIELDS) == ("email", [])


def test_an_address_is_stored_in_lower_case_and_found_in_any() -> None:
    person = User.objects.create_user(" Ana.Silva@Acme.Example", PASSWORD)

    assert person.email == "ana.silva@acme.example"
    assert str(person) == "ana.silva@acme.example"
    assert User.objects.get_by_natural_key("ANA.SILVA@ACME.EXAMPLE") == person


def test_an_address_that_differs_by_case_is_the_same_persons() -> None:
    User.objects.create(email="ana@acme.example")

    with pytest.raises(IntegrityError):
        User.objects.create(email="Ana@Acme.Example")


def test_nobody_is_created_without_an_address() -> None:
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("", PASSWORD)


@pytest.mark.parametrize("login", ["ana@acme.example", "Ana@ACME.example"])
def test_people_sign_in_by_e_mail(login: str) -> None:
    User.objects.create_user("ana@acme.example", PASSWORD)

    page = Client().post(reverse("account_login"), {"login": login, "password": PASSWORD})

    assert (page.status_code, page["Location"]) == (302, reverse("home"))


def test_the_first_superuser_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Root@Acme.Example")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", "--no-input", stdout=io.StringIO())

    person = User.objects.get(email="root@acme.example")
    assert (person.is_superuser, person.is_staff, person.check_password(PASSWORD)) == (True, True, True)


def test_a_superuser_needs_an_address() -> None:
    with pytest.raises(CommandError, match="must use --email"):
        call_command("createsuperuser", "--no-input", stdout=io.StringIO())


def test_createsuperuser_asks_for_the_e_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "root@acme.example"

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("getpass.getpass", lambda *_question: PASSWORD)

    call_command("createsuperuser", stdin=Terminal(), stdout=io.StringIO())

    assert [question.rstrip(": ").lower() for question in questions] == ["e-mail address"]
    assert User.objects.get().is_superuser
