"""The catalogue holds every figure once, and everybody with a role may read it (rules 12.19)."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from sla.figure_catalogue import all_figures
from sla.figure_catalogue.figure_shape import FigureKind
from tests.factories import UserFactory
from tests.sla.api_client import ApiClient


def test_no_key_and_no_name_stands_twice() -> None:
    figures = [figure for group in all_figures._GROUPS for figure in group]

    assert len({figure.key for figure in figures}) == len({figure.name for figure in figures}) == len(figures)


def test_every_rate_has_a_denominator_and_a_smallest_sample() -> None:
    rates = [figure for figure in all_figures.ALL_FIGURES.values() if figure.kind == FigureKind.RATE]

    assert rates
    assert all(figure.denominator and figure.smallest_sample for figure in rates)


@pytest.mark.django_db
def test_the_api_lists_it_in_the_words_of_a_motion() -> None:
    client = ApiClient(UserFactory(roles=[Role.SDR]), "reports:read")

    rows = {row["key"]: row for row in client.get("metrics-catalogue", motion="pql").json()}

    assert list(rows) == list(all_figures.ALL_FIGURES)
    rate = rows["mql_to_sql"]
    assert (rate["name"], rate["kind"], rate["matures_after_days"], rate["smallest_sample"]) == (
        "PQL→SQL",
        "rate",
        30,
        20,
    )
    assert rate["sentence"].startswith("PQLs that became an SQL")
    assert [band["label"] for band in rate["bands"]][2] == "Healthy"
    assert client.get("metrics-catalogue", motion="mood").status_code == 400
