"""Limits follow the declared size: honest files of hundreds of megabytes arrive, are read and keep their facts."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from structlog.testing import capture_logs

from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from services.scanner.settings import ScannerSettings
from shared.events.file import FileArrived, FileScanned
from shared.library.completeness import is_complete
from tests.hostile.writers import LIGHT, card, cards, shape_cards

_KEYWORDS = '<FITSKeyword name="IMAGETYP" value="\'Master Light\'" comment=""/>'


def large_xisf(path: Path) -> None:
    """A colour image of 1 GB, as stacks of large mosaics are."""
    width, height = 9400, 8900
    size = width * height * 3 * 4
    image = (
        f'<Image geometry="{width}:{height}:3" sampleFormat="Float32" bounds="0:1" colorSpace="RGB" '
        f'location="attachment:4096:{size}">{_KEYWORDS}</Image>'
    )
    xml = f'<?xml version="1.0" encoding="UTF-8"?><xisf version="1.0">{image}</xisf>'.encode()
    with path.open("wb") as stream:
        stream.write(b"XISF0100" + struct.pack("<II", 4080, 0) + xml.ljust(4080, b"\0"))
        _write_sky(stream, size, "<f4", 0.1, 0.01)


def large_fits(path: Path) -> None:
    """A mono frame of 400 MB."""
    side = 14_200
    size = side * side * 2
    with path.open("wb") as stream:
        stream.write(cards(*shape_cards(16, (side, side)), *LIGHT, card("BZERO", 32768)))
        _write_sky(stream, size, ">i2", -31_000, 20)
        stream.write(bytes(-size % 2880))


def _write_sky(stream: BinaryIO, size: int, dtype: str, level: float, noise: float) -> None:
    piece = np.random.default_rng(1).normal(level, noise, 1 << 20).astype(dtype).tobytes()
    stream.writelines(piece[: size - at] for at in range(0, size, len(piece)))


@pytest.mark.parametrize(("name", "write", "width"), [("a.xisf", large_xisf, 9400), ("a.fits", large_fits, 14_200)])
async def test_large_files_keep_their_facts(
    tmp_path: Path, name: str, write: Callable[[Path], None], width: int
) -> None:
    """A whole file of 400 MB or 1 GB is complete, is scanned within the default limits, and is measured or says why."""
    path = tmp_path / name
    write(path)
    assert is_complete(path).complete
    defaults = ScannerSettings()
    arrived = FileArrived(
        file_id="0" * 64, root="tree", path=name, root_path=str(tmp_path), size_bytes=path.stat().st_size,
        source="test", origin=name, arrived_at=datetime(2025, 10, 20, tzinfo=UTC),
    )  # fmt: skip
    async with ReaderPool(
        1,
        time_limit_s=defaults.time_limit_s,
        memory_limit_mb=defaults.memory_limit_mb,
        measure_stars=True,
        knowledge=Knowledge(),
    ) as pool:
        with capture_logs() as logs:
            reply = await pool.scan(arrived, str(tmp_path))
        assert [entry for entry in logs if entry["event"] == "a reader was lost"] == []
    found = FileScanned.model_validate_json(reply.payload)
    assert found.frame.width_px == width
    assert (found.quality is None) == any(problem.startswith("not measured") for problem in found.problems)
    path.unlink()
