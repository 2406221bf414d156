from __future__ import annotations

from typing import Any

import pytest

from sla.notifications import encryption

SECRET = "https://hooks.slack.com/services/T000/B000/s3cr3t"
OLD, NEW = "old" * 20, "new" * 20


def test_what_is_sealed_says_nothing_and_is_opened_again() -> None:
    sealed = encryption.seal(SECRET)

    assert "slack" not in sealed
    assert sealed != encryption.seal(SECRET)
    assert encryption.unseal(sealed) == SECRET


def test_no_secret_is_no_secret() -> None:
    assert (encryption.seal(""), encryption.unseal("")) == ("", "")


def test_a_key_of_before_still_opens_and_the_newest_seals(settings: Any) -> None:
    settings.SECRET_KEY = OLD
    of_before = encryption.seal(SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]

    opened, resealed = encryption.unseal(of_before), encryption.reseal(of_before)
    settings.SECRET_KEY_FALLBACKS = []

    assert opened == encryption.unseal(resealed) == SECRET
    with pytest.raises(encryption.KeyLost):
        encryption.unseal(of_before)


@pytest.mark.parametrize("sealed", ["nonsense", "ä", SECRET])
def test_what_no_key_opens_is_lost_without_a_word_of_it(sealed: str) -> None:
    with pytest.raises(encryption.KeyLost) as lost:
        encryption.unseal(sealed)

    assert (str(lost.value), lost.value.__cause__) == ("", None)
