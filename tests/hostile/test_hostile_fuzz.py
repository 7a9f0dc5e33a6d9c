"""A short, repeatable dose of mutation fuzzing; ``make fuzz`` runs longer ones."""

import random
import signal
from pathlib import Path

from tests.hostile import fuzz
from tests.hostile.generator import honest


def test_a_dose_of_mutations_finds_nothing(tmp_path: Path) -> None:
    """Damaged copies of whole files are read or refused in time, and none is called good that its format betrays."""
    before = signal.signal(signal.SIGALRM, fuzz.on_alarm)
    try:
        found = fuzz.fuzz(
            fuzz.seeds(damaged=False), seconds=60, seed=20251120, folder=tmp_path / "kept", most_runs=1500
        )
    finally:
        signal.signal(signal.SIGALRM, before)
    assert found.kinds == {}
    assert found.runs == 1500


def test_the_same_seed_damages_in_the_same_way() -> None:
    """A finding can be made again from its seed."""
    files = list(honest())

    def first() -> list[bytes]:
        source = random.Random(5)
        return [fuzz.mutated(source.choice(files)[1], source)[0] for _ in range(50)]

    assert first() == first()


def test_findings_are_kept_once_per_kind(tmp_path: Path) -> None:
    """The first file of a kind of failure is kept in the folder, the others are counted."""
    findings = fuzz.Findings(tmp_path / "kept")
    for content in (b"one", b"two"):
        findings.add("ValueError at x.py:1", "a/b.fits", content, "detail")
    assert [path.read_bytes() for path in (tmp_path / "kept").iterdir()] == [b"one"]
    assert findings.kinds["ValueError at x.py:1"] == 2
