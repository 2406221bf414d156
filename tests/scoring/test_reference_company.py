"""The company with known truth, from its files to its MQLs by the commands alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.scoring import company_1k

#: Leads without a company in their file: they qualify as well, once the domain of their address joins them to one.
JOINED_BY_DOMAIN = {"65", "554", "924"}


def write_outcomes(path: Path) -> Path:
    """Write the company's closed opportunities as a file of outcomes."""
    lead_by_mql = {row["mql_id"]: row["lead_id"] for row in company_1k.rows("mqls")}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["lead", "kind", "at", "id", "amount"])
        writer.writerows(
            [lead_by_mql[row["mql_id"]], row["stage"], row["closed_at"], row["opportunity_id"], row["amount_usd"]]
            for row in company_1k.rows("opportunities")
            if row["stage"] in {"won", "lost"}
        )
    return path


@pytest.mark.usefixtures("shipped")
@pytest.mark.django_db(transaction=True)
def test_the_commands_find_the_mqls_of_the_reference_company(tmp_path: Path, capsys: Any) -> None:
    rejected = tmp_path / "rejected.csv"
    a_map = company_1k.FOLDER.parent / "maps" / "company_1k_companies.json"
    call_command(
        "import_companies", str(company_1k.FOLDER / "companies.csv"), map=a_map, rejected=rejected, strict=True
    )
    for kind in ("leads", "events"):
        call_command(f"import_{kind}", str(company_1k.FOLDER / f"{kind}.csv"), rejected=rejected, strict=True)
    call_command("import_outcomes", str(write_outcomes(tmp_path / "outcomes.csv")), rejected=rejected, strict=True)
    capsys.readouterr()

    call_command("evaluate", definition=str(company_1k.FOLDER / "definition.json"), first=True)

    rows = {row["external_id"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    truth = {row["lead_id"]: row for row in company_1k.rows("mqls")}
    assert len(rows) == 79
    assert rows.keys() - truth.keys() == JOINED_BY_DOMAIN
    for lead, row in truth.items():
        assert dt.datetime.fromisoformat(rows[lead]["qualified_at"]) == dt.datetime.fromisoformat(row["qualified_at"])
        assert float(rows[lead]["engagement"]) == pytest.approx(float(row["score_at_qualification"]), abs=1e-6)
