"""What all fault tests share: a folder, a seed, a voice, and undisturbed runs to compare with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.checker import Totals, totals
from tests.faults.nemesis import SEED_VARIABLE, fault_seed
from tests.faults.world import Captures, running
from tests.stack import open_folder

Say = Callable[[str], None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' account can enter."""
    with open_folder() as path:
        yield path


@pytest.fixture
def seed() -> int:
    """The seed of this test's draws and files."""
    return fault_seed()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, seed: int) -> Iterator[Say]:
    """Print figures past pytest's capture, each line with the test's name; the seed comes first."""

    def speak(text: str) -> None:
        with capsys.disabled():
            print(f"\n[{request.node.name}] {text}", end="", flush=True)

    speak(f"{SEED_VARIABLE}={seed}")
    yield speak
    with capsys.disabled():
        print()


async def undisturbed(folder: Path, captures: Captures) -> Totals:
    """The totals of a run on the same files in which nothing goes wrong."""
    async with running(folder, captures.sources()) as world:
        await world.until_done(captures.count, timeout_s=240, drained=False)
        async with world.database() as connection:
            return await totals(connection)
