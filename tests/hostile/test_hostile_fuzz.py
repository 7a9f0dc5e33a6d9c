"""A short, repeatable dose of mutation fuzzing; ``make fuzz`` runs longer ones."""

import functools
import random
import signal
from pathlib import Path

import pytest

from tests.hostile import fuzz
from tests.hostile.generator import honest
from tests.hostile.seeds import all_seeds
from tests.hostile.structures import damaged_structure


@functools.cache
def whole_files() -> list[tuple[str, bytes]]:
    """The files with nothing wrong, made once."""
    return [*honest(), *all_seeds()]


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
    files = whole_files()

    def first() -> list[bytes]:
        source = random.Random(5)
        return [fuzz.mutated(source.choice(files)[1], source).content for _ in range(50)]

    assert first() == first()


@pytest.mark.parametrize("suffix", ["xisf", "tiff", "png", "jpeg", "ser", "avi"])
def test_every_format_is_damaged_by_its_meaning(suffix: str) -> None:
    """Beside FITS each format has several whole files, of which nearly every try makes a damaged one."""
    files = [content for name, content in whole_files() if name.endswith(suffix)]
    source = random.Random(3)
    damaged = [damaged_structure(source.choice(files), source) for _ in range(200)]
    assert len(files) >= 3
    assert sum(one is not None and one not in files for one in damaged) > 150


def test_what_must_be_noticed_is_what_a_format_tells() -> None:
    """Missing bytes and checksums that fail are told; bytes without a checksum, and times that may lack, are not."""
    files = dict(whole_files())
    names = ("deep.png", "sha1.xisf", "grey.jpeg", "plain.tiff", "0-8-times.ser")
    whole = {name.rpartition(".")[2]: files[name] for name in names}

    def spoilt(content: bytes) -> bytes:
        return content[:-9] + bytes((content[-9] ^ 1,)) + content[-8:]

    told = {kind: fuzz.must_be_noticed(content, fuzz.Damaged(spoilt(content))) for kind, content in whole.items()}
    assert told == {"png": True, "xisf": True, "jpeg": False, "tiff": False, "ser": False}
    for content in whole.values():
        assert fuzz.must_be_noticed(content, fuzz.Damaged(content[: len(content) // 2]))
        assert not fuzz.must_be_noticed(content, fuzz.Damaged(content))
    assert not fuzz.must_be_noticed(whole["ser"], fuzz.Damaged(whole["ser"][:-24]))
    assert not fuzz.must_be_noticed(whole["png"], fuzz.Damaged(spoilt(whole["png"]), mended=True))


def test_findings_are_kept_once_per_kind(tmp_path: Path) -> None:
    """The first file of a kind of failure is kept in the folder, the others are counted."""
    findings = fuzz.Findings(tmp_path / "kept")
    for content in (b"one", b"two"):
        findings.add("ValueError at x.py:1", "a/b.fits", content, "detail")
    assert [path.read_bytes() for path in (tmp_path / "kept").iterdir()] == [b"one"]
    assert findings.kinds["ValueError at x.py:1"] == 2
