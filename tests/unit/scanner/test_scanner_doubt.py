"""Targets that a person should decide: which are marked, and what is said of them."""

import re
from pathlib import Path

import pytest

from services.scanner.knowledge import Knowledge, Loaded
from services.scanner.scan import scan_file
from shared.events.file import Hints

WIDTH_PX, HEIGHT_PX = 600, 400

AT_M42 = ("RA      = 83.822", "DEC     = -5.391")
OF_A_CAMERA = ("FOCALLEN= 200", "XPIXSZ  = 9.0")
"""A field of 1.5 by 1 degree."""


def fits(*cards: str) -> bytes:
    """A light frame without an exposure in it."""
    shape = {"SIMPLE": "T", "BITPIX": 8, "NAXIS": 2, "NAXIS1": WIDTH_PX, "NAXIS2": HEIGHT_PX}
    header = "".join(
        card.ljust(80) for card in (*(f"{key:<8}= {value:>20}" for key, value in shape.items()), *cards, "END")
    )
    pixels = WIDTH_PX * HEIGHT_PX
    return header.encode().ljust(-(-len(header) // 2880) * 2880) + bytes(-(-pixels // 2880) * 2880)


@pytest.fixture(scope="module")
def known() -> Loaded:
    """What is known without any settings."""
    return Knowledge().load()


def scanned(known: Loaded, path: Path, *cards: str, hints: Hints | None = None) -> tuple[str | None, bool, list[str]]:
    """Target, mark, and what is said of the target."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(fits("IMAGETYP= 'Light'", *cards))
    found = scan_file(path, known=known, measure_stars=False, relative_path="/".join(path.parts[-2:]), hints=hints)
    assert found.target is not None
    said = [one for one in found.problems if one.startswith("the target is ")]
    return found.target.catalog_id, found.target.uncertain, said


def test_an_object_that_the_position_contradicts_is_said(known: Loaded, tmp_path: Path) -> None:
    """OBJECT says M 33, the telescope pointed at M 42: marked, and one sentence names both."""
    target, uncertain, said = scanned(known, tmp_path / "x.fits", "OBJECT  = 'M 33'", *AT_M42, *OF_A_CAMERA)
    assert (target, uncertain) == ("M42", True)
    assert len(said) == 1
    assert re.fullmatch(
        r'the target is in conflict: OBJECT "M 33" is not where the telescope pointed; '
        r"taken for M42 \(\d\d%\), perhaps M33.*",
        said[0],
    )


@pytest.mark.parametrize(
    ("path", "cards", "hints", "words"),
    [
        ("a/x.fits", ("OBJECT  = 'Spindle Galaxy'",), None, 'a guess from OBJECT "Spindle Galaxy"; taken for '),
        ("a/x.fits", (), "Spindle Galaxy", "a guess from what its source is said to show; taken for "),
        ("Spindle Galaxy/x.fits", (), None, "a guess from a folder's name; taken for "),
        ("a/M31.fits", (), None, "a guess from the file's own name; taken for M31 (74%)"),
        ("M 33/x.fits", ("RA      = 20.0", "DEC     = 60.0"), None, "in conflict: the name of a folder, of the file"),
        ("a/x.fits", ("OBJECT  = 'M 33'", "RA = 210.0", "DEC = 10.0"), None, 'in conflict: OBJECT "M 33" is not where'),
    ],
)
def test_a_guess_says_what_it_is_from(
    known: Loaded, tmp_path: Path, path: str, cards: tuple[str, ...], hints: str | None, words: str
) -> None:
    """Each kind of uncertain match is marked and says its source in one sentence."""
    cards = tuple(f"{card.split('=')[0].strip():<8}={card.split('=')[1]}" for card in cards)
    target, uncertain, said = scanned(known, tmp_path / path, *cards, hints=Hints(target=hints))
    assert target is not None
    assert uncertain
    assert [one for one in said if one.startswith(f"the target is {words}")] == said
    assert len(said) == 1


def test_an_uncertain_position_says_so(known: Loaded, tmp_path: Path) -> None:
    """Between two galaxies of one field nobody knows which was meant."""
    cards = ("RA      = 187.3", "DEC     = 13.4", *OF_A_CAMERA)
    target, uncertain, said = scanned(known, tmp_path / "a" / "x.fits", *cards)
    assert uncertain
    assert said[0].startswith(f"the target is a guess from where the telescope pointed alone; taken for {target} (")


@pytest.mark.parametrize(
    ("path", "cards"),
    [
        ("a/x.fits", ("OBJECT  = 'M 42'", *AT_M42)),
        ("M 42/x.fits", ()),
        ("a/x.fits", ("OBJECT  = 'Snapshot'",)),
        ("a/x.fits", ()),
    ],
)
def test_a_certain_target_and_none_at_all_are_not_marked(
    known: Loaded, tmp_path: Path, path: str, cards: tuple[str, ...]
) -> None:
    """Nobody is asked where all agree, and where nothing is said."""
    _, uncertain, said = scanned(known, tmp_path / path, *cards)
    assert (uncertain, said) == (False, [])


def test_a_sentence_cannot_harm_a_terminal(known: Loaded, tmp_path: Path) -> None:
    """A name with escapes is quoted printable."""
    _, uncertain, said = scanned(known, tmp_path / "x.fits", "OBJECT  = 'M 33 \x1b[31m'", *AT_M42, *OF_A_CAMERA)
    assert uncertain
    assert said[0].isprintable()


def test_a_source_that_is_said_to_show_something_counts_least(known: Loaded, tmp_path: Path) -> None:
    """What a source is said to show stands where nothing else says anything, and decides what the others leave open."""
    hints = Hints(target="M 42")
    for path, cards, target in (
        ("a/x.fits", (), "M42"),
        ("a/x.fits", ("OBJECT  = 'M 33'",), "M33"),
        ("M 33/x.fits", (), "M33"),
        ("a/x.fits", ("OBJECT  = 'M 33'", *AT_M42, *OF_A_CAMERA), "M42"),
    ):
        assert scanned(known, tmp_path / path, *cards, hints=hints) == (target, False, [])
    assert scanned(known, tmp_path / "a" / "x.fits", *AT_M42, *OF_A_CAMERA, hints=Hints(target="M 33"))[0] == "M42"
