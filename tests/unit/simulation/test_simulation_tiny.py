"""The benches' small files: valid, all different, and the same again for the same number."""

from pathlib import Path

import pytest

from services.standalone.simulation import tiny_frames
from services.standalone.simulation.tiny import CARDS, SIDE_PX


def test_tiny_frames_are_valid_and_all_different(tmp_path: Path) -> None:
    """Each file has 138,240 bytes and 49 cards, site coordinates among them, and content of its own."""
    from astropy.io import fits

    paths = tiny_frames(tmp_path, 60, 3)

    assert len({path.read_bytes() for path in paths}) == len(set(paths)) == 60
    moments = set()
    for path in paths:
        assert path.stat().st_size == 138_240
        with fits.open(path, memmap=False) as file:
            file.verify("exception")
            header, data = file[0].header, file[0].data
            assert (len(header), data.shape) == (CARDS, (SIDE_PX, SIDE_PX))
            assert (header["IMAGETYP"], header["SITELAT"], header["SITELONG"]) == ("LIGHT", 34.3, -108.1)
            moments.add((header["DATE-OBS"], header["EXPTIME"], header["FILTER"]))
            assert 1000 < float(data[1:].mean()) < 3000
    assert len(moments) == 60


def test_a_library_of_tiny_frames_can_be_extended(tmp_path: Path) -> None:
    """A frame depends on the seed and its number alone, not on the call that wrote it."""
    whole = tiny_frames(tmp_path / "whole", 30, 9, start_index=990)
    parts = [
        *tiny_frames(tmp_path / "parts", 12, 9, start_index=990),
        *tiny_frames(tmp_path / "parts", 18, 9, start_index=1002),
    ]

    assert [path.relative_to(tmp_path / "whole") for path in whole] == [
        path.relative_to(tmp_path / "parts") for path in parts
    ]
    assert [path.read_bytes() for path in whole] == [path.read_bytes() for path in parts]
    assert {path.parent.name for path in whole} == {"0000", "0001"}


def test_another_seed_gives_other_exposures(tmp_path: Path) -> None:
    """Frames of the same number from two seeds differ in pixels and in their time."""
    from astropy.io import fits

    one, other = tiny_frames(tmp_path / "1", 1, 1)[0], tiny_frames(tmp_path / "2", 1, 2)[0]

    assert fits.getheader(one)["DATE-OBS"] != fits.getheader(other)["DATE-OBS"]
    assert (fits.getdata(one) != fits.getdata(other)).any()


@pytest.mark.parametrize(("count", "start_index"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(tmp_path: Path, count: int, start_index: int) -> None:
    """A negative count or start is a ValueError."""
    with pytest.raises(ValueError, match="negative"):
        tiny_frames(tmp_path, count, 1, start_index=start_index)
