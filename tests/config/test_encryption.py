from __future__ import annotations

from typing import Any

import pytest

from config import encryption

SECRET = "https://hooks.slack.com/services/T000/B000/s3cr3t"
OLD, NEW = "old" * 20, "new" * 20


def test_a_sealed_secret_is_unreadable_and_can_be_unsealed() -> None:
    sealed = encryption.seal(SECRET)

    assert "slack" not in sealed
    assert sealed != encryption.seal(SECRET)
    assert encryption.unseal(sealed) == SECRET


def test_an_empty_secret_stays_empty() -> None:
    assert (encryption.seal(""), encryption.unseal("")) == ("", "")


def test_a_fallback_key_unseals_and_the_newest_seals(settings: Any) -> None:
    settings.SECRET_KEY = OLD
    of_before = encryption.seal(SECRET)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]

    opened, resealed = encryption.unseal(of_before), encryption.reseal(of_before)
    settings.SECRET_KEY_FALLBACKS = []

    assert opened == encryption.unseal(resealed) == SECRET
    with pytest.raises(encryption.KeyLost):
        encryption.unseal(of_before)


@pytest.mark.parametrize("sealed", ["nonsense", "ä", SECRET])
def test_a_secret_that_no_key_opens_raises_without_its_text(sealed: str) -> None:
    with pytest.raises(encryption.KeyLost) as lost:
        encryption.unseal(sealed)

    assert (str(lost.value), lost.value.__cause__) == ("", None)
