"""Archives: the stream of parts against zstd alone, its processor time against the sum of its work, its memory."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from io import FileIO
from pathlib import Path
from statistics import median

import numpy as np
import zstandard

from services.backup.archive.model import MIB, Member
from services.backup.archive.packer import Packer, packing_here
from services.backup.archive.stream import PACKED_AT_ONCE, ArchiveStream
from shared.library.hashing import sha256_file
from shared.library.stream import Stream, open_stream
from tests.bench.table import Row, Rows, Skipped, ceiling_row, interleaved, rate_row
from tests.bench.world import folder

ROOT = Path(__file__).resolve().parents[2]
FRAME_PIXELS = 26_000_000
"""Of two bytes each: a frame of 52 MB."""
PART_BYTES = 16 * MIB
PACKING = packing_here("zstd", 3)
MEMORY_LIMIT_MB = 75


def rows(*, quick: bool) -> Rows:
    """A session in the page cache is made into parts, which go nowhere."""
    with folder(in_memory=True) as place:
        session = session_in(place, 2 if quick else 4)
        megabytes = sum(member.size_bytes for member in session) / 1e6
        rounds = 3 if quick else 5
        works = {"ours": lambda: stream(place, session), "zstd": lambda: _zstd_alone(place, session)}
        seconds = interleaved(works, rounds)
        cpu = _cpu_interleaved({"ours": works["ours"]} | _work_alone(place, session), rounds)
        ours = cpu.pop("ours")
        return [
            rate_row(
                "tar + zstd, hashed, in parts",
                megabytes / seconds["ours"],
                megabytes / seconds["zstd"],
                unit="MB/s",
                at_least=0.85,
                limit_name=f"zstd {PACKING.version} alone",
                how=f"{len(session)} simulated frames of 52 MB, level {PACKING.level}, {PACKED_AT_ONCE} threads that "
                "pack on both sides; ours also reads them as a library is read, hashes every file by SHA-256 and every "
                "part by MD5 and SHA-256",
            ),
            ceiling_row(
                "processor time of an archive's bytes",
                ours / megabytes * 1e3,
                1.15 * sum(cpu.values()) / megabytes * 1e3,
                unit="ms/MB",
                limit=", ".join(f"{name} {spent / megabytes * 1e3:.2f}" for name, spent in cpu.items()),
                how="all threads together, for each MB of files; to reach is 1.15 x the sum of the same work done "
                f"alone, each in one thread, zstd in {PACKED_AT_ONCE} as in ours, since threads slow each other down",
            ),
            _memory_row(place),
        ]


def session_in(place: Path, frames: int) -> list[Member]:
    """Write frames of noisy sky, and know them as members."""
    random = np.random.default_rng(1)
    members = []
    for position in range(frames):
        path = place / f"{position}.fit"
        path.write_bytes(random.normal(1000, 20, FRAME_PIXELS).astype(">u2").tobytes())
        digest = sha256_file(path)
        members.append(Member(position, digest.file_id, f"bench/library/{path.name}", digest.size_bytes, 0))
    return members


def stream(place: Path, session: list[Member]) -> None:
    """Make all parts."""

    def opened(member: Member) -> AbstractContextManager[Stream]:
        return open_stream(place / Path(member.path).name)

    with ArchiveStream(session, opened, PACKING, PART_BYTES) as parts:
        for _part in parts:
            pass


def _zstd_alone(place: Path, session: list[Member]) -> None:
    """The library's own threads, over the same files, with the same checksums."""
    for member in session:
        compressor = zstandard.ZstdCompressor(level=PACKING.level, threads=PACKED_AT_ONCE, write_checksum=True)
        with FileIO(place / Path(member.path).name) as source, FileIO("/dev/null", "wb") as nowhere:
            compressor.copy_stream(source, nowhere, size=member.size_bytes, read_size=PACKING.frame_bytes)


def _work_alone(place: Path, session: list[Member]) -> dict[str, Callable[[], object]]:
    """What must be done with an archive's bytes, each by itself, with buffers that are there already.

    The upload is another such piece of work; it is measured with the destinations.
    """
    paths = [place / Path(member.path).name for member in session]
    buffer = memoryview(bytearray(PACKING.frame_bytes))
    packer = Packer(PACKING.level)
    frames = _pieces(paths[0].read_bytes(), PACKING.frame_bytes)
    parts = _pieces(b"".join(map(packer.pack, frames)), PART_BYTES)

    def read() -> None:
        for path in paths:
            with FileIO(path) as file:
                while file.readinto(buffer):
                    pass

    def pack() -> None:
        with ThreadPoolExecutor(PACKED_AT_ONCE) as threads:
            for _packed in threads.map(packer.pack, frames * len(paths)):
                pass

    def each(work: Callable[[memoryview], object], pieces: list[memoryview]) -> Callable[[], None]:
        def all_of_them() -> None:
            for _path in paths:
                for piece in pieces:
                    work(piece)

        return all_of_them

    return {
        "read": read,
        "sha256": each(hashlib.sha256, frames),
        "zstd": pack,
        "md5 of parts": each(partial(hashlib.md5, usedforsecurity=False), parts),
        "sha256 of parts": each(hashlib.sha256, parts),
    }


def _pieces(data: bytes, size: int) -> list[memoryview]:
    return [memoryview(data)[at : at + size] for at in range(0, len(data), size)]


def _cpu_interleaved(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median processor seconds of each piece of work, its threads included, in rounds that take turns."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _turn in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            spent[name].append(time.process_time() - started)
    return {name: median(values) for name, values in spent.items()}


def _memory_row(place: Path) -> Row | Skipped:
    """In a process of its own, for noise, of which nothing can be packed: the most that a stream ever holds."""
    name = "memory of an archive's stream"
    if not Path("/proc/self/status").exists():
        return Skipped(name, "this system does not tell a process's highest memory")
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.archive", place], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return ceiling_row(
        name,
        float(told.stdout),
        MEMORY_LIMIT_MB,
        unit="MB",
        how=f"highest resident memory beyond that before the stream began, four files of 52 MB of noise, parts of "
        f"{PART_BYTES // MIB} MiB; a part that is sent is counted, a second stream needs as much again",
    )


def _memory_of_a_stream(place: Path) -> float:
    """Megabytes beyond what this process had before."""
    members = []
    for position in range(4):
        path = place / f"noise {position}.fit"
        with path.open("wb") as file:
            for _ in range(13):
                file.write(os.urandom(4 * MIB))
        members.append(Member(position, sha256_file(path).file_id, f"bench/library/{path.name}", 52 * MIB, 0))
    before = _status_mb("VmRSS")
    stream(place, members)
    return _status_mb("VmHWM") - before


def _status_mb(name: str) -> float:
    """A size of this process as the kernel tells it, MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    print(_memory_of_a_stream(Path(sys.argv[1])))
