"""A master as a file: the same bytes each time, read back with the same properties, whole or not there."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.calibration.integration.header import card
from services.calibration.integration.made import Made
from services.calibration.integration.master import Input, Written, write_master
from services.calibration.properties import Properties, properties_of
from services.calibration.sets.grouping import MASTER_OF, set_properties
from shared.errors import Permanent
from shared.events.frame import FrameType
from shared.frames.pixels import load_image
from shared.frames.read import read_frame
from shared.jobs.outcome import Stopped
from shared.library.hashing import sha256_file
from tests.raw_frames import exposed, scene, vignette, write_frame

MADE_AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
BIAS = 500.0


def raws(folder: Path, frame_type: FrameType, count: int = 6, **cards: Any) -> list[Input]:
    """Raw frames of a type."""
    truth = scene(1, BIAS) if frame_type is not FrameType.FLAT else scene(1, BIAS) + 20_000 * vignette()
    found = []
    for number in range(count):
        path = write_frame(
            folder / f"{frame_type.value}{number}.fits", exposed(truth, number), IMAGETYP=frame_type.value, **cards
        )
        found.append(Input(sha256_file(path).file_id, path))
    return found


def made_of(frame_type: FrameType, inputs: list[Input], **more: object) -> Made:
    """What the header is to say of these frames, as the set has it."""
    metadata = read_frame(inputs[0].path).metadata
    common = set_properties(frame_type, properties_of(metadata))
    assert common is not None
    return Made(
        MASTER_OF[frame_type], common, tuple(one.file_id for one in inputs), MADE_AT, metadata.observed_at, -10.1
    )._replace(**more)  # type: ignore[arg-type]


def written(folder: Path, frame_type: FrameType, pedestal: Input | None = None, **cards: Any) -> Path:
    """A master of raw frames, written."""
    inputs = raws(folder, frame_type, **cards)
    subtracted = None if pedestal is None else ("master bias", pedestal.file_id)
    path = folder / "master.fits"
    write_master(made_of(frame_type, inputs, subtracted=subtracted), inputs, pedestal, path)
    return path


CASES = [
    (FrameType.BIAS, {"EXPTIME": 0.001}),
    (FrameType.DARK, {"EXPTIME": 300.0}),
    (FrameType.DARK, {"EXPTIME": 0.00999999977648258, "SET_TEMP": None, "GAIN": 139}),
    (FrameType.DARKFLAT, {"EXPTIME": 2.5, "READOUTM": "Low Noise"}),
    (FrameType.FLAT, {"EXPTIME": 2.5, "FILTER": "Ha", "TELESCOP": "C8E", "FOCALLEN": 1400.0, "FOCRATIO": 7.0}),
    (FrameType.FLAT, {"EXPTIME": 1.0, "FILTER": "L", "ROTATOR": 91.3, "SITELONG": -110.88, "SITELAT": 32.0}),
    (FrameType.FLAT, {"EXPTIME": 1.0, "FILTER": "OIII", "XBINNING": 2, "YBINNING": 2, "BAYERPAT": "RGGB"}),
]


@pytest.mark.parametrize(("frame_type", "cards"), CASES, ids=range(len(CASES)))
def test_nothing_is_lost_for_matching(tmp_path: Path, frame_type: FrameType, cards: dict[str, Any]) -> None:
    """Whoever reads the master finds every property that its frames have in common, its type and its frames' number."""
    bias = Input("ab" * 32, write_frame(tmp_path / "bias.fits", scene(1, BIAS).astype(np.float32)))
    path = written(tmp_path, frame_type, bias if frame_type is FrameType.FLAT else None, **cards)
    raw = properties_of(read_frame(tmp_path / f"{frame_type.value}0.fits").metadata)
    facts = read_frame(path)
    found, expected = set_properties(frame_type, properties_of(facts.metadata)), set_properties(frame_type, raw)
    assert found == expected
    assert (facts.metadata.frame_type, facts.metadata.stack_count) == (MASTER_OF[frame_type], 6)
    assert facts.problems == ()


def test_the_night_of_flats_stays(tmp_path: Path) -> None:
    """Flats whose night follows from a zone that no header tells have the same night when their master is read."""
    inputs = raws(tmp_path, FrameType.FLAT)
    pedestal = Input("ab" * 32, write_frame(tmp_path / "bias.fits", scene(1, BIAS).astype(np.float32)))
    common = Properties(camera="ZWO ASI2600MM Pro", night=date(2026, 11, 29))
    made = made_of(FrameType.FLAT, inputs, properties=common, observed_at=datetime(2026, 11, 30, 13, tzinfo=UTC))
    write_master(made, inputs, pedestal, tmp_path / "master.fits")
    assert read_frame(tmp_path / "master.fits").metadata.night == date(2026, 11, 29)


def test_astropy_agrees(tmp_path: Path) -> None:
    """The file follows the standard: astropy verifies it with its sum, and reads the pixels and the provenance."""
    from astropy.io import fits

    path = written(tmp_path, FrameType.DARK, EXPTIME=300.0)
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        header, data = hdus[0].header, np.array(hdus[0].data)
    facts = read_frame(path)
    assert facts.image is not None
    assert np.array_equal(load_image(path, facts.image), data)
    assert data.dtype.newbyteorder("=") == np.float32
    inputs = [line[4:] for line in header["HISTORY"] if line.startswith("in  ")]
    assert inputs == [sha256_file(tmp_path / f"DARK{number}.fits").file_id for number in range(6)]
    assert (header["IMAGETYP"], header["NCOMBINE"], header["SET-TEMP"]) == ("MASTER DARK", 6, -10.0)
    assert header["NSAMPLES"] == 6 * data.size
    assert 0 < header["NREJECT"] < 0.1 * header["NSAMPLES"]


def test_flats_of_any_light_make_the_same_flat(tmp_path: Path) -> None:
    """A flat is what the optics take: gradients stay, and that one frame had half of the light does not show."""
    bias = write_frame(tmp_path / "bias.fits", scene(1, BIAS).astype(np.float32))
    inputs = []
    for number, level in enumerate((20_000, 30_000, 15_000, 24_000, 28_000, 10_000, 22_000)):
        frame = exposed(scene(1, BIAS) + level * vignette(), number, 40.0, hits=8)
        path = write_frame(tmp_path / f"{number}.fits", frame, IMAGETYP="FLAT")
        inputs.append(Input(sha256_file(path).file_id, path))
    made = made_of(FrameType.FLAT, inputs, subtracted=("master bias", "ab" * 32))
    found = write_master(made, inputs, Input("ab" * 32, bias), tmp_path / "master.fits")
    facts = read_frame(tmp_path / "master.fits")
    assert facts.image is not None
    flat = load_image(tmp_path / "master.fits", facts.image)
    shape = flat / np.median(flat) * np.median(vignette())
    assert np.abs(shape - vignette()).max() < 0.01
    assert found.level_adu == pytest.approx(22_000 * np.median(vignette()), rel=0.01)


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    """An attempt that begins anew writes the same file, so that nothing is placed or told twice."""
    inputs = raws(tmp_path, FrameType.DARK, EXPTIME=60.0)
    made = made_of(FrameType.DARK, inputs)
    contents: list[Written] = [write_master(made, inputs, None, tmp_path / f"{name}.fits") for name in "ab"]
    assert contents[0].content == contents[1].content == sha256_file(tmp_path / "a.fits")


def test_who_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """Work that is told to end in the middle leaves no file, neither whole nor unfinished."""
    inputs = raws(tmp_path / "raw", FrameType.DARK, EXPTIME=60.0)

    def check(rows: int) -> None:
        raise Stopped

    (tmp_path / "out").mkdir()
    with pytest.raises(Stopped):
        write_master(made_of(FrameType.DARK, inputs), inputs, None, tmp_path / "out" / "master.fits", check)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [("size", "48 x 32 pixels"), ("rows", "rows in the other order"), ("text", "cannot be used")],
    ids=["size", "rows", "no frame"],
)
def test_frames_that_do_not_fit_are_named(tmp_path: Path, change: str, reason: str) -> None:
    """A frame of another size or order, or that is none, ends the build with its name and what is wrong."""
    inputs = raws(tmp_path, FrameType.DARK, EXPTIME=60.0)
    made = made_of(FrameType.DARK, inputs)
    if change == "size":
        write_frame(inputs[3].path, exposed(scene(1, width=48, height=32), 1))
    elif change == "rows":
        write_frame(inputs[3].path, exposed(scene(1), 1), ROWORDER="BOTTOM-UP")
    else:
        inputs[3].path.write_text("no picture at all")
    with pytest.raises(Permanent, match=reason) as told:
        write_master(made, inputs, None, tmp_path / "master.fits")
    assert "DARK3.fits" in str(told.value)


def test_a_flat_without_light_is_named(tmp_path: Path) -> None:
    """A flat that is no brighter than what is subtracted cannot be scaled: the build says which."""
    inputs = raws(tmp_path, FrameType.FLAT)
    write_frame(inputs[2].path, exposed(scene(1, BIAS - 30), 1), IMAGETYP="FLAT")
    pedestal = Input("ab" * 32, write_frame(tmp_path / "bias.fits", scene(1, BIAS).astype(np.float32)))
    with pytest.raises(Permanent, match=r"FLAT2\.fits has no light above"):
        write_master(made_of(FrameType.FLAT, inputs), inputs, pedestal, tmp_path / "master.fits")


@pytest.mark.parametrize(
    ("value", "written_as"),
    [
        ("it's ´odd´", "'it''s ?odd?'"),
        ("x" * 100, f"'{'x' * 68}'"),
        (-10.0, "-10.0"),
        (1e-7, "1E-07"),
        (True, "T"),
        ("q" * 67 + "'", f"'{'q' * 67}'"),
    ],
    ids=range(6),
)
def test_cards_hold_any_value(value: object, written_as: str) -> None:
    """Whatever a name or a person put into a property, the card has 80 columns of ASCII and can be read."""
    line = card("KEY", value, "comment")  # type: ignore[arg-type]
    assert len(line) == 80
    assert line.isascii()
    assert line.startswith("KEY     = ")
    assert line[10:].lstrip().startswith(written_as)
