"""Masters: the builder against ccdproc.combine and seiza on the same darks, and its memory over a large set."""

import json
import os
import subprocess
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from services.calibration.integration.made import Made
from services.calibration.integration.master import Input, write_master
from services.calibration.properties import Properties
from shared.events.frame import FrameType
from tests.bench.table import Row, Rows, ceiling_row, interleaved, rate_row
from tests.raw_frames import write_frame

_LARGE, _LARGE_FRAMES, _CONTENTS = (6248, 4176), 100, 10
_MOST_MB = 1000
_SHM = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


def rows(*, quick: bool) -> Rows:
    """Ratios to the two, and the peak of the process that combines 100 frames of 26 megapixels."""
    with TemporaryDirectory(dir=_SHM if _SHM.is_dir() else None, prefix="nightbus-bench-") as name:
        folder = Path(name)
        return [*_ratios(folder / "small", quick=quick), _memory(folder / "large", quick=quick)]


def _ratios(folder: Path, *, quick: bool) -> list[Row]:
    width, height, count = (1500, 1000, 10) if quick else (3000, 2000, 20)
    paths = _darks(folder, width, height, count)
    out = folder / "out"
    out.mkdir()
    seconds = interleaved(
        {
            "ours": lambda: build(paths, out / "ours.fits"),
            "seiza": lambda: _seiza(paths, out / "seiza.fits"),
            "ccdproc": lambda: _ccdproc(paths),
        },
        1 if quick else 3,
    )
    samples = width * height * count / 1e6
    how = f"{count} darks of {width} x {height}, 16 bits, cosmic rays; files in memory; "
    rate = {name: samples / spent for name, spent in seconds.items()}
    return [
        rate_row(
            "master of darks, to ccdproc", rate["ours"], rate["ccdproc"], unit="Mpx/s", at_least=5,
            limit_name="ccdproc.combine", how=how + "median and MAD clipping; equal numbers: tests/unit/calibration",
        ),
        rate_row(
            "master of darks, to seiza", rate["ours"], rate["seiza"], unit="Mpx/s", at_least=0.95,
            limit_name="seiza.build_dark", how=how + "seiza clips by mean and deviation without the sample itself",
        ),
    ]  # fmt: skip


def _memory(folder: Path, *, quick: bool) -> Row:
    width, height = (3124, 2088) if quick else _LARGE
    made = _darks(folder, width, height, _CONTENTS)
    paths = list(made)
    for number in range(_CONTENTS, _LARGE_FRAMES):  # further names of the same contents: read like any other file
        paths.append(folder / f"dark{number:03}.fits")
        os.link(made[number % _CONTENTS], paths[-1])
    found = {tool: _in_child(tool, paths, folder / f"{tool}.fits") for tool in ("ours", "seiza")}
    return ceiling_row(
        "master of darks, memory", found["ours"]["peak_mb"], _MOST_MB, unit="MB",
        limit=f"seiza {found['seiza']['peak_mb']:.0f} MB",
        how=f"peak of the process, libraries included: {_LARGE_FRAMES} darks of {width} x {height} in "
        f"{found['ours']['seconds']:.1f} s, seiza in {found['seiza']['seconds']:.1f} s",
    )  # fmt: skip


def build(paths: list[Path], to_path: Path) -> None:
    """A master dark by our builder, hashed and on disk."""
    inputs = [Input(f"{number:064x}", path) for number, path in enumerate(paths)]
    made_at = datetime(2026, 12, 1, tzinfo=UTC)
    made = Made(
        FrameType.MASTER_DARK, Properties(camera="bench"), [one.file_id for one in inputs], made_at, made_at, None
    )
    write_master(made, inputs, None, to_path)


def _seiza(paths: list[Path], to_path: Path) -> None:
    import seiza

    seiza.build_dark([str(path) for path in paths], str(to_path))


def _ccdproc(paths: list[Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ccdproc
        from astropy.stats import mad_std

        ccdproc.combine(
            [str(path) for path in paths], unit="adu", method="average", sigma_clip=True, sigma_clip_low_thresh=3,
            sigma_clip_high_thresh=3, sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std, mem_limit=1e9,
            dtype=np.float32,
        )  # fmt: skip


def _darks(folder: Path, width: int, height: int, count: int) -> list[Path]:
    """Darks of one pattern, each with noise and cosmic rays of its own."""
    random = np.random.default_rng(14)
    pattern = random.normal(600.0, 8.0, (height, width)).astype(np.float32)
    noise = random.normal(0.0, 12.0, (height, width)).astype(np.float32)
    found = []
    for number in range(count):
        frame = pattern + np.roll(noise, (131 * number, 37 * number), (0, 1))
        hits = frame.size // 20_000
        frame.flat[random.integers(0, frame.size, hits)] += random.uniform(300.0, 20_000.0, hits)
        data = np.clip(np.rint(frame), 0, 65_535).astype(np.uint16)
        found.append(write_frame(folder / f"dark{number:03}.fits", data, IMAGETYP="DARK", EXPTIME=300.0))
    return found


def _in_child(tool: str, paths: list[Path], to_path: Path) -> dict[str, float]:
    """Seconds and peak of a process that builds one master."""
    said = json.dumps([tool, [str(path) for path in paths], str(to_path)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.masters"], input=said, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Build one master, and print what it took."""
    tool, names, to_path = json.loads(sys.stdin.read())
    began = time.perf_counter()
    (build if tool == "ours" else _seiza)([Path(name) for name in names], Path(to_path))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """The peak of this program; what getrusage tells begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1.024 / 1000


if __name__ == "__main__":
    main()
