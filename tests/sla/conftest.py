from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sla import slack_server


@pytest.fixture
def channel(
    tmp_path_factory: pytest.TempPathFactory, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[slack_server.Channel]:
    folder = tmp_path_factory.mktemp("slack")
    with slack_server.opened(folder) as opened:
        settings.SLACK_WEBHOOK_HOSTS = ["hooks.slack.com", opened.address]
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
        yield opened
