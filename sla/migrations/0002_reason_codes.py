from __future__ import annotations

from django.db import migrations

# As shipped with this migration (rules 7.5); sla.reasons says the same today. A reason that a customer has made is left alone.
REASONS = [
    (
        "wrong_company_profile",
        "Wrong company profile",
        "fit",
        "disqualify",
        "Tighten the firmographic filters.",
        True,
        False,
    ),
    (
        "wrong_persona",
        "Wrong persona / title",
        "fit",
        "back_to_marketing",
        "Tighten the titles and the seniority; another person at the company may be right.",
        False,
        False,
    ),
    (
        "not_interested",
        "Not interested / no need",
        "engagement",
        "back_to_marketing",
        "Raise the engagement threshold; ask for more intent signals.",
        False,
        False,
    ),
    (
        "has_solution",
        "Already has a solution",
        "timing",
        "recycle",
        "Right company, wrong moment: recycle until the contract ends.",
        False,
        False,
    ),
    (
        "bad_timing",
        "Bad timing / budget cycle / no active project",
        "timing",
        "recycle",
        "Recycle with a re-engagement date.",
        False,
        False,
    ),
    (
        "no_budget_authority",
        "No budget / no authority",
        "bant",
        "back_to_marketing",
        "Ask for budget and authority before the handoff.",
        False,
        False,
    ),
    (
        "couldnt_reach",
        "Couldn’t reach",
        "data",
        "back_to_marketing",
        "Improve e-mail verification and contact data.",
        False,
        True,
    ),
    ("existing_customer", "Already a customer", "fit", "disqualify", "A disqualifier is missing.", False, False),
    (
        "competitor_selected",
        "Competitor selected",
        "timing",
        "recycle",
        "Recycle until the competitor’s contract ends.",
        False,
        False,
    ),
    (
        "competitor_student_spam",
        "Competitor / student / spam",
        "fit",
        "disqualify",
        "A disqualifier is missing.",
        False,
        False,
    ),
]


def ship(apps, schema_editor):
    reasons = apps.get_model("sla", "ReasonCode").objects.using(schema_editor.connection.alias)
    for position, (code, label, family, route, hint, needs_note, needs_attempts) in enumerate(REASONS, start=1):
        row = {"label": label, "family": family, "route": route, "hint": hint, "position": position}
        reasons.get_or_create(code=code, defaults=row | {"needs_note": needs_note, "needs_attempts": needs_attempts})


class Migration(migrations.Migration):
    dependencies = [("sla", "0001_initial")]
    # Backwards the rows stay: dispositions point at them.
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
