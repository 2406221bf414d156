from __future__ import annotations

import pytest

from definitions.models import KeptBack, Version
from scoring.comparisons import replays
from scoring.models import Qualification
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    RandomHistories,
    activate_version,
    approve_version,
    document,
    rescore_all_due,
)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("seed", range(2))
def test_a_replay_of_random_lead_histories_gives_exactly_the_mqls_made(seed: int) -> None:
    life = RandomHistories(seed)
    first, second = approve_version(document(), START), approve_version(document(engagement=25), START)
    change = START + 30 * DAY
    activate_version(first, START, hand_over_entrants=True)
    life.some(160, life.act)
    life.some(15, life.be_promoted)
    life.some(30, life.decide)
    life.some(40, life.suppress)
    life.some(60, rescore_all_due)
    # Everybody is judged by the first version until its last second.
    life.at(change - HOUR / 3600, rescore_all_due)
    life.at(change, lambda at: activate_version(second, at, hand_over_entrants=bool(seed % 2)))
    life.live()

    replayed = [replays.replay_version(version, now=life.end) for version in (refreshed(first), refreshed(second))]

    assert [version_replay.differences for version_replay in replayed] == [(), ()]
    assert [version_replay.agree for version_replay in replayed] == [
        version_replay.on_record for version_replay in replayed
    ]
    assert sum(version_replay.on_record for version_replay in replayed) == Qualification.objects.count() > 5
    assert KeptBack.objects.exists()


def refreshed(version: Version) -> Version:
    version.refresh_from_db()
    return version
