"""``python -m tests.dictionary ID FILE``: train a dictionary for `shared.kept` on events of files that never were.

Nothing of a person's files may get into a dictionary, since it is handed out with Nightbus: the samples are headers of
the simulation and invented ones, scanned as files are. The real captures of the corpus tell how good it is, and are no
part of it. A dictionary that was released is never made anew: give the new one the next id.
"""

import argparse
import random
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import zstandard

from services.scanner.reader import scanned_event
from services.standalone.simulation.fits_writer import CARD_BYTES, Card, format_card, padding
from services.standalone.simulation.nina_header import NinaRig, NinaShot, nina_cards
from services.standalone.simulation.seestar_header import SeestarShot, seestar_cards
from services.standalone.simulation.sky import HIGH_DESERT, NightClock
from services.standalone.simulation.targets import TARGETS
from shared.events.file import FileArrived, FileScanned
from shared.events.frame import FrameQuality
from tests.dictionary_cards import PROGRAMS

SIZE_BYTES = 32 * 1024
LEVEL = 1
_OF_EACH = {"nina": 400, "seestar": 250, "asiair": 120, "sharpcap": 80, "maxim": 80, "indi": 100, "processed": 60,
            "more": 80}  # fmt: skip
_FILTERS = ("L", "R", "G", "B", "Ha", "OIII", "SII")
_TYPES = ("LIGHT", "LIGHT", "LIGHT", "DARK", "FLAT", "BIAS")
_LONG_NUMBER = re.compile(r"(?<=[\d.])\d")


def train(dictionary_id: int) -> bytes:
    """A dictionary of that id; the same each time on the same versions."""
    samples: list[bytes | bytearray | memoryview[int]] = [
        event.model_dump_json(exclude_none=True).encode() for event in events(random.Random(1))
    ]
    return zstandard.train_dictionary(SIZE_BYTES, samples, dict_id=dictionary_id, level=LEVEL).as_bytes()


def events(rng: random.Random, *, share: float = 1.0) -> Iterator[FileScanned]:
    """Events of invented files, in the proportions in which programs are used. ``share``: of what is trained on."""
    with tempfile.TemporaryDirectory() as folder:
        for program, count in _OF_EACH.items():
            for number in range(round(share * count)):
                cards = _cards(program, rng)
                path = Path(folder) / f"{program}_{number:04d}.fits"
                _write(path, cards)
                arrived = _arrived(path, rng)
                event = scanned_event(arrived, Path(folder), measure_stars=False)
                made = {"path": _path(event, number), "quality": _quality(rng), "occurred_at": arrived.arrived_at}
                yield event.model_copy(update=made)


def _cards(program: str, rng: random.Random) -> list[str]:
    target = rng.choice(TARGETS)
    started = NightClock(date(2025, 10, 20) - timedelta(days=rng.randrange(700)), HIGH_DESERT).at(rng.uniform(8, 16))
    temperature_c, focuser_steps = round(rng.uniform(-11, 12), 1), rng.randrange(3000, 14000)
    ra_deg, dec_deg = target.ra_deg + rng.uniform(-0.3, 0.3), target.dec_deg + rng.uniform(-0.3, 0.3)
    if program == "nina":
        shot = NinaShot(
            image_type=rng.choice(_TYPES), exposure_s=rng.choice((1.5, 30.0, 60.0, 180.0, 300.0)), started_at=started,
            local_at=started - timedelta(hours=6), fraction=rng.randrange(10), sensor_temp_c=temperature_c,
            filter_name=rng.choice(_FILTERS), ra_deg=ra_deg, dec_deg=dec_deg, focuser_steps=focuser_steps,
            ambient_c=round(rng.uniform(-5, 25), 2), object_name=target.designation, object_ra_deg=target.ra_deg,
            object_dec_deg=target.dec_deg,
        )  # fmt: skip
        return _lines(nina_cards(NinaRig(), shot, HIGH_DESERT, width_px=6248, height_px=4176))
    if program == "seestar":
        sub = SeestarShot(
            object_name=target.designation, ra_deg=ra_deg, dec_deg=dec_deg, filter_name=rng.choice(("IRCUT", "LP")),
            exposure_s=rng.choice((10.0, 20.0, 30.0)), started_at=started, telescope=f"S50_{rng.randrange(2**32):08x}",
            sensor_temp_c=round(rng.uniform(5, 30), 4), focuser_steps=focuser_steps,
            stack_count=rng.choice((None, None, None, rng.randrange(2, 400))),
        )  # fmt: skip
        return _lines(seestar_cards(sub, HIGH_DESERT, (1920, 1080)))
    lines = [line for line in PROGRAMS[program].splitlines() if line and rng.random() < 0.85]
    return [_invented(line, target.designation, rng) for line in lines]


def _lines(cards: list[Card]) -> list[str]:
    return [format_card(card).decode() for card in cards]


def _invented(line: str, name: str, rng: random.Random) -> str:
    if line.startswith("OBJECT  ="):
        return f"OBJECT  = '{name:<8}'{line[29:]}" if len(name) < 9 else line
    if line.startswith(("SIMPLE", "BITPIX", "NAXIS", "COMMENT", "BZERO", "BSCALE", "SWCREATE", "CREATOR", "PROGRAM")):
        return line
    value, slash, comment = line.partition(" / ")
    return value[:9] + _LONG_NUMBER.sub(lambda _digit: str(rng.randrange(10)), value[9:]) + slash + comment


def _write(path: Path, lines: list[str]) -> None:
    """A header of these cards, with as little of an image as a file may have."""
    small = [line for line in lines if not line.startswith(("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BZERO"))]
    body = [
        "SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
        "NAXIS1  =                    8", "NAXIS2  =                    8",
        "BZERO   =                32768", *small, "END",
    ]  # fmt: skip
    header = "".join(line.ljust(CARD_BYTES) for line in body).encode()
    path.write_bytes(header + b" " * len(padding(len(header))) + bytes(2880))


def _arrived(path: Path, rng: random.Random) -> FileArrived:
    return FileArrived(
        file_id=f"{rng.randrange(2**256):064x}",
        scan_revision=rng.choice((1, 1, 1, 2)),
        root="library",
        path=path.name,
        root_path="/library",
        size_bytes=path.stat().st_size,
        source=rng.choice(("rig", "nas", "seestar", "import")),
        origin=path.name,
        arrived_at=datetime(2025, 10, 21, 8, tzinfo=UTC) + timedelta(microseconds=rng.randrange(10**13)),
    )


def _path(event: FileScanned, number: int) -> str:
    frame = event.frame
    return f"{event.source}/{frame.object_name or frame.frame_type}/{frame.night}/{frame.frame_type}_{number:04d}.fits"


def _quality(rng: random.Random) -> FrameQuality | None:
    if rng.random() < 0.3:
        return None
    return FrameQuality(
        star_count=rng.randrange(20, 3000), fwhm_px=rng.uniform(2, 6), fwhm_arcsec=rng.uniform(1, 6),
        hfr_px=rng.uniform(1, 4), eccentricity=rng.uniform(0.2, 0.7), background_adu=rng.uniform(200, 5000),
        noise_adu=rng.uniform(5, 90), saturated_fraction=rng.uniform(0, 0.001),
    )  # fmt: skip


def main() -> None:
    """Train, and write the file, which must not be there yet."""
    parser = argparse.ArgumentParser(prog="python -m tests.dictionary", description=__doc__)
    parser.add_argument("id", type=int)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    with options.file.open("xb") as file:
        file.write(train(options.id))


if __name__ == "__main__":
    main()
