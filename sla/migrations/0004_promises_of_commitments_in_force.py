from __future__ import annotations

from django.db import migrations


def put_down(apps, _schema_editor):
    """Commitments that are in force already stand beside the definition, too, as those to come will."""
    Promise = apps.get_model("definitions", "Promise")
    for row in apps.get_model("sla", "Commitment").objects.filter(state="active"):
        marketing, sales = row.signed_by_marketing, row.signed_by_sales
        Promise.objects.create(
            sentences=[
                f"Sales: First contact within {row.contact_minutes} business minutes; tier 1 within {row.contact_minutes_tier_1}.",
                f"Sales: Accepted, or rejected with a specific reason, within {row.disposition_hours} hours.",
                f"Sales: At least {row.attempts_before_unresponsive} contact attempts before a lead counts as out of reach.",
                f"What does not convert: Rejected for its timing, a lead comes back after {row.recycle_days} days, or on the day that was given.",
                "What does not convert: Any other rejection sends it back to marketing or disqualifies it; its reason counts in the definition’s reviews.",
                f"Marketing: {row.mqls_a_month} MQLs a month, all of which meet the definition.",
                f"Marketing: Each reaches sales within {row.route_minutes} minutes, with its source, what it did and its history.",
            ],
            signed_by=f"{_named(marketing)} for marketing, {_named(sales)} for sales",
            at=row.activated_at,
        )


def _named(user):
    return f"{user.first_name} {user.last_name}".strip() or user.username


class Migration(migrations.Migration):
    dependencies = [
        ("definitions", "0006_backtests_and_proposals"),
        ("sla", "0003_drafts_are_signed"),
    ]

    operations = [
        migrations.RunPython(put_down, migrations.RunPython.noop),
    ]
