"""The verb preview: pictures of capture files, without a stack."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.preview import FormatName, StretchName
from shared.previews.kinds import PictureFormat, StretchKind
from tests.unit.cli.test_cli_offline import write_fits


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)


def test_a_picture_is_written_beside_nothing_else(tmp_path: Path) -> None:
    """Each file gets NAME.preview.jpg in the folder that was asked for, and a line is printed that says what it is."""
    write_fits(tmp_path / "a.fits", BAYERPAT="RGGB")
    write_fits(tmp_path / "b.fits")
    (tmp_path / "out").mkdir()
    result = CliRunner().invoke(app, ["preview", "a.fits", "-", "--out", "out"], input="b.fits\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "out/a.fits.preview.jpg  16 x 16 of 32 x 32, colour",
        "out/b.fits.preview.jpg  32 x 32 of 32 x 32, grey",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.fits.preview.jpg", "b.fits.preview.jpg"]
    with Image.open("out/a.fits.preview.jpg") as picture:
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (16, 16), "RGB")


@pytest.mark.parametrize("kind", get_args(FormatName))
@pytest.mark.parametrize("stretch", get_args(StretchName))
def test_size_format_and_stretch_are_chosen(tmp_path: Path, kind: str, stretch: str) -> None:
    """--size, --format and --stretch do as they say; none leaves dark values dark."""
    write_fits(tmp_path / "a.fits")
    result = CliRunner().invoke(app, ["preview", "a.fits", "--size", "16", "--format", kind, "--stretch", stretch])
    assert result.exit_code == 0, result.output
    with Image.open(f"a.fits.preview{PictureFormat(kind).extension}") as picture:
        assert picture.size == (16, 16)
        brightest = np.asarray(picture.convert("L")).max()
    # The values are 0 to 1023 of 65535, and the median is lifted to a quarter.
    assert brightest < 16 if stretch == "none" else brightest > 90


def test_nothing_is_overwritten_and_failures_do_not_stop_the_rest(tmp_path: Path) -> None:
    """A picture that is there, a text and a missing file are sentences and exit code 1; the others are made."""
    write_fits(tmp_path / "a.fits")
    write_fits(tmp_path / "b.fits")
    (tmp_path / "a.fits.preview.jpg").write_bytes(b"mine")
    (tmp_path / "diary.fits").write_text("dear diary")
    result = CliRunner().invoke(app, ["preview", "a.fits", "diary.fits", "gone.fits", "b.fits"])
    assert result.exit_code == 1
    assert (tmp_path / "a.fits.preview.jpg").read_bytes() == b"mine"
    assert (tmp_path / "b.fits.preview.jpg").exists()
    assert not (tmp_path / "diary.fits.preview.jpg").exists()
    complaints = result.stderr.splitlines()
    assert [line.split(":")[:2] for line in complaints] == [
        ["nightbus", " a.fits"],
        ["nightbus", " diary.fits"],
        ["nightbus", " gone.fits"],
    ]
    assert "is there already" in complaints[0]
    assert "not a capture file" in complaints[1]
    assert "No such file" in complaints[2]
    nowhere = CliRunner().invoke(app, ["preview", "b.fits", "--out", "nowhere"])
    assert nowhere.exit_code == 1
    assert "nowhere does not exist" in nowhere.stderr


def test_the_choices_are_those_of_previews() -> None:
    """The command line offers every format and stretch there is, without loading an image library to know them."""
    assert set(get_args(FormatName)) == set(PictureFormat)
    assert set(get_args(StretchName)) == set(StretchKind)
    check = "import services.cli.main, sys; sys.exit(bool({'numpy', 'cv2', 'PIL'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
