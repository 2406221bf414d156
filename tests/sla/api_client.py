"""A machine client of the API."""

from __future__ import annotations

from django.test import Client

from config.accounts.models import ApiKey


class ApiClient:
    """A machine client that acts as the owner of its key."""

    def __init__(self, owner, *scopes):
        _, key = ApiKey.objects.create_key(name="test", owner=owner, source="test", scopes=list(scopes))
        self.client = Client(headers={"Authorization": f"Api-Key {key}"})

    def get(self, path, **query):
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path, body=None):
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json")
