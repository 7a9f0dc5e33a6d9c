"""A home for the embedded servers: outside pytest's own folder, which as root is closed to their account."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture
def home_folder() -> Iterator[Path]:
    """An empty folder, private to its owner; afterwards no process may run that was started for it."""
    with _folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def kept_folder() -> Iterator[Path]:
    """One such folder for the tests of a module: each continues the data of the one before."""
    with _folder() as folder:
        yield folder


class _folder:  # noqa: N801 - used as a function
    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="nightbus-test-"))
        return self.path

    def __exit__(self, *_: object) -> None:
        left = processes_of(self.path)
        shutil.rmtree(self.path)
        assert left == []


def processes_of(folder: Path) -> list[str]:
    """The command lines of the processes that name ``folder``."""
    lines = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(folder) in line and "pytest" not in line.split(str(folder))[0]]
