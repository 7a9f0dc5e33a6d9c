"""One master from its frames: opened, checked against each other, combined, and written to a file whole.

Runs in a thread and knows no database. The file is written under a name of its own, and gets its own name once it is
complete: whoever is killed on the way leaves an unfinished one, which the next attempt writes anew.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.integration.clip import SIGMAS
from services.calibration.integration.combine import Check, Combined, Plan, combine, threads_here
from services.calibration.integration.header import Counts, header_of
from services.calibration.integration.made import Made
from services.calibration.pixels.strips import Scratch, Strips, open_strips
from shared.errors import Permanent, Transient
from shared.frames.cards import BLOCK_BYTES, CardValue
from shared.frames.read import read_content
from shared.frames.sums import folded
from shared.library.folders import open_folder, sync_folder
from shared.library.hashing import Digest, sha256_file
from shared.library.reading import shown

_LEVEL_ROWS = 256
_NO_COUNTS = Counts(0, 0, 0, SIGMAS)


class Input(NamedTuple):
    """A file that goes into a master."""

    file_id: str
    path: Path


class Written(NamedTuple):
    """A master that was written."""

    content: Digest
    combined: Combined
    level_adu: float | None


def write_master(
    made: Made, inputs: Sequence[Input], pedestal: Input | None, to_path: Path, check: Check = lambda _rows: None
) -> Written:
    """Write a master to ``to_path``; the same bytes for the same frames and ``made``.

    Args:
        made: what it is; ``level_adu`` is found here.
        inputs: its frames, in the order of ``made.inputs``.
        pedestal: master bias or dark-flat that is subtracted from each; with one, frames are scaled to one level.
        to_path: where it goes; ``.part`` is added to its name until it is complete.
        check: told how many rows are done; what it raises ends the work.

    Raises:
        Permanent: frames do not fit together, or one cannot be read; the sentence names it.
        Transient: a file cannot be read or written now.
    """
    with ExitStack() as stack:
        scratch = stack.enter_context(_scratch(to_path.parent))
        frames = [_opened(one, scratch) for one in inputs]
        subtract = None if pedestal is None else _opened(pedestal, scratch)
        _require_alike(frames, inputs)
        levels: list[float] = []
        if subtract is not None and pedestal is not None:
            _require_alike([frames[0], subtract], [inputs[0], pedestal])
            for frame, one in zip(frames, inputs, strict=True):
                check(0)
                levels.append(level_above(frame, subtract, one))
        level = float(np.median(levels)) if levels else None
        made = made._replace(level_adu=level)
        scales = None if level is None else [level / own for own in levels]
        plan = Plan(frames, subtract, scales, threads=threads_here())
        part = to_path.with_name(f"{to_path.name}.part")
        try:
            combined = _write(made, plan, _keys(inputs[0].path), part, check)
            part.replace(to_path)
            with open_folder(to_path.parent) as folder:
                sync_folder(folder)
        except OSError as error:
            raise Transient(f"{shown(part)} cannot be written: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)
    return Written(sha256_file(to_path), combined, level)


def level_above(frame: Strips, pedestal: Strips, one: Input) -> float:
    """The median of a flat above its pedestal, over rows spread over the frame.

    Raises:
        Permanent: there is no light above it.
    """
    parts = [
        frame.values(row, row + 1) - pedestal.values(row, row + 1)
        for row in range(0, frame.height, max(1, frame.height // _LEVEL_ROWS))
    ]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    level = float(np.median(values)) if values.size else 0.0
    if level <= 0:
        raise Permanent(f"{shown(one.path.name)} has no light above the master that is subtracted from it")
    return level


def _scratch(folder: Path) -> Scratch:
    try:
        return Scratch(folder)
    except OSError as error:
        raise Transient(f"{shown(folder)} cannot be written to: {error.strerror or error}") from error


def _opened(one: Input, scratch: Scratch) -> Strips:
    try:
        return open_strips(one.path, scratch)
    except Permanent as error:
        raise Permanent(f"{shown(one.path.name)} cannot be used: {error}") from error


def _keys(path: Path) -> dict[str, CardValue]:
    _format, content = read_content(path)
    return dict(getattr(content, "keys", {}))


def _require_alike(frames: Sequence[Strips], inputs: Sequence[Input]) -> None:
    first = frames[0]
    for frame, one in zip(frames, inputs, strict=True):
        if (frame.width, frame.height) != (first.width, first.height):
            raise Permanent(
                f"{shown(one.path.name)} has {frame.width} x {frame.height} pixels, "
                f"{shown(inputs[0].path.name)} {first.width} x {first.height}"
            )
        if frame.bottom_up != first.bottom_up:
            raise Permanent(f"{shown(one.path.name)} has its rows in the other order than {shown(inputs[0].path.name)}")


def _write(made: Made, plan: Plan, keys: dict[str, CardValue], part: Path, check: Check) -> Combined:
    width, height = plan.frames[0].width, plan.frames[0].height
    begin = len(header_of(made, width, height, keys, _NO_COUNTS))
    total = 0
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:

        def write(first_row: int, mean: NDArray[np.float32]) -> None:
            nonlocal total
            data = mean.astype(">f4")
            total += int(data.view(">u4").sum(dtype=np.uint64))
            _write_at(fd, data.view(np.uint8).data, begin + first_row * width * 4)

        combined = combine(plan, write, check)
        counts = Counts(combined.samples, combined.rejected, combined.empty, plan.sigmas, folded(total))
        _write_at(fd, memoryview(header_of(made, width, height, keys, counts)), 0)
        end = begin + width * height * 4
        os.ftruncate(fd, -(-end // BLOCK_BYTES) * BLOCK_BYTES)
        os.fsync(fd)
    finally:
        os.close(fd)
    return combined


def _write_at(fd: int, view: memoryview, offset: int) -> None:
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]
