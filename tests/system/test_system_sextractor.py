"""Star counts on the corpus' real star fields beside SExtractor's at equal threshold, area, filter and deblending."""

from pathlib import Path

import pytest

from shared.errors import Permanent
from shared.frames.read import read_frame
from tests.bench.realfields import NO_STAR_FIELDS, STAR_FIELDS, UNEQUAL, star_fields
from tests.bench.starcounts import CORPUS, SAME_NOISE, compare
from tests.system.conftest import Program

_FEWEST = 20
_NEAR = 0.15
_FIELDS = star_fields(CORPUS)


def _has_pixels(path: Path) -> bool:
    try:
        return read_frame(path).image is not None
    except Permanent:  # a list or a page
        return False


def test_every_image_of_the_corpus_is_a_star_field_or_is_none_for_a_reason(corpus: Path) -> None:
    """No image is left out in silence: each matches one pattern, and each pattern matches an image."""
    images = [path for path in corpus.rglob("*") if path.is_file() and _has_pixels(path)]
    matched = [path for pattern in (*STAR_FIELDS, *NO_STAR_FIELDS) for path in corpus.glob(pattern)]
    assert sorted(matched) == sorted(images)
    assert all(any(corpus.glob(pattern)) for pattern in (*STAR_FIELDS, *NO_STAR_FIELDS))
    assert set(UNEQUAL) <= set(star_fields(corpus))


@pytest.mark.parametrize("name", [name for name in _FIELDS if name not in UNEQUAL])
def test_star_counts_are_those_of_sextractor(program: Program, corpus: Path, name: str) -> None:
    """On a real star field the scanner counts within 15 % of what SExtractor finds at the same threshold.

    Where both agree about the noise, that holds for as many of SExtractor's own sigmas, too.
    """
    counts = compare(program("source-extractor", "source-extractor"), corpus / name)
    assert counts.theirs >= _FEWEST
    assert abs(counts.difference) <= _NEAR, counts
    if abs(counts.noise - 1) <= SAME_NOISE:
        assert abs(counts.difference_by_sigmas) <= _NEAR, counts


@pytest.mark.parametrize("name", [name for name in _FIELDS if name in UNEQUAL])
def test_fields_said_to_be_unequal_still_are(program: Program, corpus: Path, name: str) -> None:
    """A star field whose counts differ for a reason leaves that list as soon as they no longer do."""
    counts = compare(program("source-extractor", "source-extractor"), corpus / name)
    assert _NEAR < abs(counts.difference) < 0.20, counts
