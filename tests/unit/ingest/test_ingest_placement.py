"""Where files go: the template's fields come from the path, the time, and where asked for the header."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.placement import Placement
from services.ingest.source import Source
from services.ingest.sources.folder import Folder
from shared.errors import UserError
from shared.library.settle import Settler
from shared.library.walk import Entry

NOWHERE = Path("/nowhere")


def source_of(path: Path, zone: str | None = None) -> Source:
    """A source named rig."""
    return Source("rig", Folder(path), "copy", 0.0, Settler(0.0, network=False), zone=zone)


def entry_of(relative_path: str, modified: datetime = datetime(2025, 10, 20, 23, 30, tzinfo=UTC)) -> Entry:
    """A file that was last written in the evening of 20 October, UTC."""
    name = relative_path.rpartition("/")[2]
    return Entry(name, relative_path, 1, int(modified.timestamp() * 1e9), 0, b"")


def fits(*cards: str) -> bytes:
    """A complete FITS file of four pixels."""
    shape = [("SIMPLE", "T"), ("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", 2), ("NAXIS2", 2)]
    header = "".join(card.ljust(80) for card in (*(f"{key:<8}= {value:>20}" for key, value in shape), *cards, "END"))
    return header.encode().ljust(-(-len(header) // 2880) * 2880) + bytes(2880)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{source}/{folder}/{name}", "rig/M 31/lights/a.fits.gz"),
        ("{year}/{month}/{day}/{name}", "2025/10/20/a.fits.gz"),
        ("{date}/{stem}-{source}{extension}", "2025-10-20/a-rig.fits.gz"),
    ],
)
def test_fields_of_path_and_time(template: str, expected: str) -> None:
    """Source, folder, name and the day of the last change fill the template; nothing is opened."""
    path = Placement(template).path_of(source_of(NOWHERE), entry_of("M 31/lights/a.fits.gz"), NOWHERE)
    assert path == expected


def test_the_day_is_that_of_the_sources_zone() -> None:
    """23:30 UTC is the next day in Berlin and the same day in Denver."""
    days = [
        Placement("{date}/{name}").path_of(source_of(NOWHERE, zone), entry_of("a.fit"), NOWHERE)
        for zone in (None, "Europe/Berlin", "America/Denver")
    ]
    assert days == ["2025-10-20/a.fit", "2025-10-21/a.fit", "2025-10-20/a.fit"]


def test_fields_of_the_header(tmp_path: Path) -> None:
    """Object, type, filter, camera and night come from the header.

    What it does not say is Unknown, and so is all of a file without a header, whose place is decided all the same.
    """
    (tmp_path / "a.fit").write_bytes(
        fits(
            "OBJECT  = 'M 31'",
            "IMAGETYP= 'LIGHT'",
            "INSTRUME= 'ASI2600MM'",
            "DATE-OBS= '2025-10-20T23:30:00'",
            "EXPTIME =                 60.0",
        )
    )
    (tmp_path / "text.fit").write_text("dear diary")
    placement = Placement("{object}/{night}/{camera}/{frame_type}/{filter}/{name}")
    source = source_of(tmp_path, "Europe/Berlin")
    assert (
        placement.path_of(source, entry_of("a.fit"), tmp_path / "a.fit")
        == "M 31/2025-10-20/ASI2600MM/LIGHT/Unknown/a.fit"
    )
    assert (
        placement.path_of(source, entry_of("text.fit"), tmp_path / "text.fit")
        == "/".join(["Unknown"] * 5) + "/text.fit"
    )


@pytest.mark.parametrize("template", ["{objekt}/{name}", "{name}/{source}", "{source", ""])
def test_wrong_templates_are_refused_at_once(template: str) -> None:
    """A template with an unknown field, or one that loses the file's kind, is an error before any file is touched."""
    with pytest.raises(UserError):
        Placement(template)


@example(["\r"])
@example(["folder", " "])
@given(st.lists(st.text(min_size=1).filter(lambda part: "/" not in part and "\0" not in part), min_size=1, max_size=6))
def test_no_name_leads_out_of_the_library(parts: list[str]) -> None:
    """Whatever a source calls its folders and files, the place is relative, has no dots and fits every limit."""
    path = Placement("{source}/{folder}/{name}").path_of(source_of(NOWHERE), entry_of("/".join(parts)), NOWHERE)
    assert path.startswith("rig/")
    assert all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in path.split("/"))
    assert len(path) <= 240
