"""Where the captures of these tests lie."""

from pathlib import Path

import pytest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder to import from, or to watch."""
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder
