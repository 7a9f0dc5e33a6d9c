"""Mutation fuzzing of the readers: ``python -m tests.hostile.fuzz --seconds 60 --seed 1``.

Whole files (generated, and the smaller ones of the corpus of real captures where it is) are damaged, byte by byte or by
what their format means (`structures`), and read as the scanner reads them, some made small as previews are, in this
process and under its memory limit. A finding is an exception other than Permanent or OSError, a file that takes longer
than 10 s or more than 1 GiB, or one that is called good though its format would have told the damage.
Findings are kept as files, and printed with what to do to see them again; the exit code is 1 if there are any.
"""

import argparse
import gzip
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from services.scanner.knowledge import built_in
from services.scanner.scan import Scanned, scan_file
from shared.errors import Permanent
from shared.library.completeness import is_complete
from shared.previews.make import reduce_file
from tests.hostile.generator import honest, hostile
from tests.hostile.seeds import all_seeds
from tests.hostile.structures import NUMBERS, damaged_structure

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
LONGEST_S = 10
MEMORY_LIMIT_MB = 1536
MOST_RESIDENT_BYTES = 1 << 30
PREVIEW_PX, PREVIEW_EVERY = 64, 3
SER_HEADER_BYTES = 178
LARGEST_SEED_BYTES = 300_000
INTERESTING = (b"\0", b"\xff", b" ", b"'", b"=", b"/", b"&", b"-", b"9", b"T", b"E", b":", b'"', b"<", b"\x80", b"\x7f")


class TooLong(Exception):
    """Reading did not end in time."""


@dataclass
class Findings:
    """What went wrong, once per kind and place."""

    folder: Path
    runs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, name: str, content: bytes, detail: str) -> None:
        """Keep a file the first time that its kind of failure is seen."""
        self.kinds[kind] += 1
        if self.kinds[kind] == 1:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{len(self.kinds):03}-{Path(name).name}"
            path.write_bytes(content)
            print(f"{kind}\n  kept as {path}\n{detail}", flush=True)


def seeds(*, damaged: bool) -> list[tuple[str, bytes]]:
    """The files to begin with; with ``damaged`` also those of the hostile corpus, to be damaged further."""
    found = [*honest(), *all_seeds()]
    if damaged:
        found += [(name, content) for name, content in hostile() if len(content) < 20_000]
    if CORPUS.is_dir():
        paths = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
        found += [(path.name, path.read_bytes()) for path in paths if path.stat().st_size <= LARGEST_SEED_BYTES]
    return found


def _flip(raw: bytearray, source: random.Random) -> None:
    for _ in range(source.choice((1, 1, 2, 8, 64))):
        at = source.randrange(min(len(raw), source.choice((64, 1024, 6000, len(raw)))))
        raw[at] ^= 1 << source.randrange(8)


def _put(raw: bytearray, source: random.Random) -> None:
    at = source.randrange(min(len(raw), source.choice((200, 6000, len(raw)))))
    raw[at : at + 1] = source.choice(INTERESTING) * source.choice((1, 1, 1, 4, 80))


def _number(raw: bytearray, source: random.Random) -> None:
    size = source.choice((1, 2, 4, 8))
    at = source.randrange(min(len(raw), source.choice((200, 6000, len(raw)))))
    value = source.choice(NUMBERS) % 256**size
    raw[at : at + size] = value.to_bytes(size, source.choice(("big", "little")))


def _digits(raw: bytearray, source: random.Random) -> None:
    places = [at for at in range(min(len(raw), 6000)) if 48 <= raw[at] < 58]
    if places:
        at = source.choice(places)
        raw[at : at + 1] = str(source.choice((*NUMBERS, -1, 0.5))).encode()


def _cut(raw: bytearray, source: random.Random) -> None:
    del raw[source.randrange(1, len(raw) + 1) :]


def _remove(raw: bytearray, source: random.Random) -> None:
    at = source.randrange(len(raw))
    del raw[at : at + source.choice((1, 2, 80, 2880))]


def _repeat(raw: bytearray, source: random.Random) -> None:
    at = source.randrange(len(raw))
    piece = bytes(raw[at : at + source.choice((1, 80, 200, 2880))])
    raw[at:at] = piece * source.choice((1, 2, 50))


def _swap(raw: bytearray, source: random.Random) -> None:
    first, second = (source.randrange(max(len(raw) // 80, 1)) * 80 for _ in range(2))
    raw[first : first + 80], raw[second : second + 80] = raw[second : second + 80], raw[first : first + 80]


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _put, _number, _digits, _cut, _remove, _repeat, _swap,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged copy, and whether checksums in it were made right again."""

    content: bytes
    mended: bool = False


def mutated(content: bytes, source: random.Random) -> Damaged:
    """A damaged copy: by the meaning of its format, or byte by byte."""
    if source.random() < 0.5 and (damaged := damaged_structure(content, source)) is not None:
        return Damaged(damaged, mended=True)
    raw = bytearray(content)
    packed = content.startswith(b"\x1f\x8b") and source.random() < 0.5
    if packed:
        try:
            raw = bytearray(gzip.decompress(content)[:200_000])
        except (OSError, EOFError, zlib.error):
            packed = False
    for _ in range(source.choice((1, 1, 1, 2, 3, 6))):
        if raw:
            source.choice(CHANGES)(raw, source)
    return Damaged(gzip.compress(bytes(raw), 1, mtime=0), mended=True) if packed else Damaged(bytes(raw))


def read(path: Path, *, small: bool = False) -> Scanned | None:
    """Read a file as ingest and scanner do, and make it ``small``; None where it is refused. TooLong after 10 s."""
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        is_complete(path)
        found = scan_file(path, known=built_in(), measure_stars=True)
        if small:
            reduce_file(path, size_px=PREVIEW_PX)
    except (Permanent, OSError):
        return None
    else:
        return found
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def must_be_noticed(content: bytes, damaged: Damaged) -> bool:
    """Whether the format tells this damage for certain: by bytes that lack, or by a checksum over what changed."""
    new = damaged.content
    if new == content or damaged.mended:
        return False
    if content.startswith(new):
        return _cut_is_told(content, len(new))
    if content.startswith(b"\x89PNG"):
        return True
    if content.startswith(b"\x1f\x8b"):
        return content[:10] == new[:10] and _unpacked(content) != _unpacked(new)
    if content.startswith(b"XISF") and b' checksum="' in content:
        start = 16 + int.from_bytes(content[8:12], "little")
        length = len(content.rstrip(b"\0")) - start
        return content[:start] == new[:start] and content[start : start + length] != new[start : start + length]
    return False


def _cut_is_told(content: bytes, length: int) -> bool:
    """Whether the format declares more than the first ``length`` bytes."""
    if content.startswith(b"\xff\xd8"):
        return length <= content.rfind(b"\xff\xd9")
    if content.startswith(b"LUCAM"):  # the times behind the frames may be absent, all of them
        color, _, width, height, depth, frames = struct.unpack_from("<6i", content, 18)
        frame_bytes = width * height * (3 if color >= 100 else 1) * (2 if depth > 8 else 1)
        return bool(length != SER_HEADER_BYTES + frames * frame_bytes)
    if content.startswith(b"RIFF"):  # what follows the first list need not be there
        return length != 8 + int.from_bytes(content[4:8], "little")
    known = content.startswith((b"SIMPLE", b"XISF", b"\x1f\x8b", b"\x89PNG", b"II", b"MM"))
    return known and length < len(content.rstrip(b"\0 ")) - 8


def _unpacked(packed: bytes) -> bytes | None:
    """What Python's gzip finds in a file; None where it finds the damage."""
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        return None


def resident_bytes() -> int:
    """The most memory that this process had in use since it was last asked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    most = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
    Path("/proc/self/clear_refs").write_text("5")
    return most


def fuzz(files: list[tuple[str, bytes]], *, seconds: float, seed: int, folder: Path, most_runs: int) -> Findings:
    """Damage and read files for so long, or so often; the same seed gives the same files in the same order."""
    findings = Findings(folder)
    source = random.Random(seed)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("error")
        resident_bytes()  # what this process had in use before is not counted
        while findings.runs < most_runs and time.monotonic() < end:
            name, content = source.choice(files)
            damaged = mutated(content, source)
            path = Path(scratch) / Path(name).name
            path.write_bytes(damaged.content)
            findings.runs += 1
            try:
                found = read(path, small=findings.runs % PREVIEW_EVERY == 0)
            except TooLong:
                findings.add(f"hang: {name}", name, damaged.content, "  took longer than 10 s")
            except Exception as error:  # noqa: BLE001 - any other error is what is looked for
                frames = traceback.extract_tb(error.__traceback__)
                ours = [frame for frame in frames if "site-packages" not in frame.filename][-1]
                place = f"{Path(ours.filename).name}:{ours.lineno}"
                findings.add(f"{type(error).__name__} at {place}", name, damaged.content, traceback.format_exc())
            else:
                good = found is not None and not found.problems
                if good and must_be_noticed(content, damaged) and _is_sound(path, content):
                    detail = f"  {len(content)} -> {len(damaged.content)} bytes"
                    findings.add(f"called good: {name}", name, damaged.content, detail)
            if (most := resident_bytes()) > MOST_RESIDENT_BYTES:
                findings.add(f"memory: {name}", name, damaged.content, f"  {most >> 20} MiB")
            path.unlink()
    return findings


def _is_sound(path: Path, content: bytes) -> bool:
    """Whether the undamaged file has no problem, so that a problem proves that the damage was noticed."""
    path.write_bytes(content)
    found = read(path)
    return found is not None and not found.problems


def on_alarm(_signal: int, _frame: FrameType | None) -> None:
    """End a reading that takes too long."""
    raise TooLong


def main() -> int:
    """Fuzz as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nightbus-fuzz")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, on_alarm)
    limit = MEMORY_LIMIT_MB << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    files = seeds(damaged=True)
    findings = fuzz(files, seconds=options.seconds, seed=options.seed, folder=options.folder, most_runs=sys.maxsize)
    for kind, count in findings.kinds.most_common():
        print(f"{count:6} {kind}")
    print(f"{findings.runs} files, {len(findings.kinds)} kinds of findings")
    return 1 if findings.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
