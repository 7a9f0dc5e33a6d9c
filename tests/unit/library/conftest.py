"""A library and a capture for it."""

import os
from pathlib import Path

import pytest

from shared.library.reading import BUFFER_BYTES
from shared.library.roots import Root, open_library

OLD_NS = 1_600_000_000_123_456_789


@pytest.fixture
def library(tmp_path: Path) -> Root:
    """A new library root."""
    root = Root("main", tmp_path / "library", writable=True)
    open_library(root, first_time=True)
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file beyond the size of the buffer, with an old mtime."""
    path = tmp_path / "source.fit"
    path.write_bytes(os.urandom(3 * BUFFER_BYTES + 17))
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path
