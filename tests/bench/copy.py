"""Copying into the library (stage + place: hashed, durable, read back) against dd with conv=fdatasync."""

import os
import shutil
import subprocess
from pathlib import Path

from shared.library.place import place
from shared.library.roots import Root, open_library
from shared.library.stage import stage_file
from tests.bench.table import Rows, Skipped, interleaved, rate_row
from tests.bench.world import folder

_FILE_BYTES = 52 * 1000 * 1000


def rows(*, quick: bool) -> Rows:
    """Megabytes per second, one file at a time, source in the page cache, target on disk."""
    dd = shutil.which("dd")
    if dd is None:
        return [Skipped("copy + sha256 + durable", "dd is not installed")]
    count = 2 if quick else 6
    with folder(in_memory=True) as sources, folder() as target:
        paths = [sources / f"{number}.fits" for number in range(count)]
        for path in paths:
            path.write_bytes(os.urandom(_FILE_BYTES))
        library = Root("library", target / "library", writable=True)
        library.path.mkdir()
        open_library(library, first_time=True)
        turn = 0

        def ours() -> None:
            nonlocal turn
            turn += 1
            for path in paths:
                place(stage_file(path, library), library, f"{turn}/{path.name}")
            shutil.rmtree(library.path / str(turn))

        def plain() -> None:
            for path in paths:
                _dd(dd, path, target / path.name)
                (target / path.name).unlink()

        seconds = interleaved({"ours": ours, "dd": plain}, 3 if quick else 5)
    megabytes = count * _FILE_BYTES / 1e6
    return [
        rate_row(
            "copy + sha256 + durable + read back",
            megabytes / seconds["ours"],
            megabytes / seconds["dd"],
            unit="MB/s",
            at_least=0.55,
            limit_name="dd conv=fdatasync",
            how=f"{count} files of {_FILE_BYTES / 1e6:.0f} MB from memory to disk, one after the other; ours also "
            "hashes twice, reads back and syncs the folders",
        )
    ]


def _dd(dd: str, source: Path, target: Path) -> None:
    subprocess.run([dd, f"if={source}", f"of={target}", "bs=1M", "conv=fdatasync"], check=True, capture_output=True)
