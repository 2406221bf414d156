from __future__ import annotations

from itertools import count

from django.contrib.auth.models import Group

from config.accounts.models import User
from config.accounts.vocabulary import Role

_numbers = count(1)


def person(*roles: Role, **columns: object) -> User:
    name = f"{roles[0] if roles else 'nobody'}{next(_numbers)}"
    user = User.objects.create(email=f"{name}@accord.test", **columns)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return user
