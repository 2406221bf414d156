from __future__ import annotations

from django.db import migrations

#: Teams, their reps, and the reasons of rejections are set up by marketing ops (rules 1.4, 7.5). What has a page of its own is edited there.
GRANTED = {
    "team": ("view", "add", "change"),
    "rep": ("view", "add", "change"),
    "absence": ("view", "add", "change", "delete"),
    "reasoncode": ("view", "add", "change"),
}
GROUP = "marketing_ops"


def grant(apps, _schema):
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=GROUP)
    group.permissions.add(*_permissions(apps))


def take_back(apps, _schema):
    for group in apps.get_model("auth", "Group").objects.filter(name=GROUP):
        group.permissions.remove(*_permissions(apps))


def _permissions(apps):
    """They may not be there yet: Django makes them after the last migration, and finds these."""
    permissions = apps.get_model("auth", "Permission").objects
    for model, actions in GRANTED.items():
        content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label="sla", model=model
        )
        spoken = {"reasoncode": "reason code"}.get(model, model)
        for action in actions:
            yield permissions.get_or_create(
                content_type=content_type,
                codename=f"{action}_{model}",
                defaults={"name": f"Can {action} {spoken}"},
            )[0]


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0018_running_clocks"),
        ("leads", "0003_shipped"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, take_back)]
