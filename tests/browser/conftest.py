from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def base_url() -> None:
    """The live server has its own address; the plugin's fixture of this name is deprecated by pytest itself."""
