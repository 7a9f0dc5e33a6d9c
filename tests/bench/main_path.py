"""The main path: from `nightbus ingest` to committed rows, all services, NATS and Postgres on this machine."""

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

from services.scanner.knowledge import built_in
from services.scanner.reader import scanned_event
from services.standalone.simulation import DEFAULT_END_NIGHT, simulate_night, tiny_frames
from shared.library.place import copy_verified
from shared.library.roots import Root, open_library
from shared.library.walk import walk
from tests.bench.publish import arrival
from tests.bench.seed import seed
from tests.bench.table import Row, Rows, Skipped, ceiling_row, floor_row
from tests.bench.world import NO_STARS, Imported, World, folder, running

T = TypeVar("T")
_PEER = "astro_cat 332 (with sites 9)"
_ADDED = 2000
_CORES = os.cpu_count() or 1


def rows(*, quick: bool) -> Iterator[Row | Skipped]:
    """All rows of the main path; the first stack also gives start-up and idle memory."""
    for group in (_small_files, _seestar, _growing_library):
        yield from asyncio.run(group(quick=quick))


@dataclass(frozen=True, slots=True)
class _Run:
    imported: Imported
    files: int
    cpu_ms: dict[str, float]

    @property
    def files_s(self) -> float:
        return self.files / self.imported.committed_s


async def _timed(world: World, place: Path, files: int, mode: str = "index") -> _Run:
    before = world.cpu_s()
    imported = await world.ingest(place, files, mode)
    after = world.cpu_s()
    return _Run(imported, files, {name: (after[name] - before[name]) / files * 1e3 for name in after})


async def _small_files(*, quick: bool) -> Rows:
    count, rounds = (1000, 3) if quick else (5000, 3)
    with folder(in_memory=True) as data:
        async with running(NO_STARS) as world:
            await asyncio.sleep(5.0)
            memory_mb = world.memory_bytes() / 1e6
            runs = []
            for turn in range(rounds):
                place = data / str(turn)
                tiny_frames(place, count, seed=1, start_index=turn * count)
                runs.append(await _timed(world, place, count))
            walked = await _walk(world, data / "known", 20_000 if quick else 200_000)
            ready_s = world.ready_s
    rates = [run.files_s for run in runs]
    cpu = {name: median(run.cpu_ms[name] for run in runs) for name in runs[0].cpu_ms}
    per_file = sum(cpu.values())
    shares = ", ".join(f"{name} {value:.2f}" for name, value in sorted(cpu.items(), key=lambda item: -item[1]))
    return [
        ceiling_row("`up`: seconds until everything is ready", ready_s, 15, unit="s",
                    how="an empty home: initdb, schema, streams, services"),
        ceiling_row("idle memory of everything", memory_mb, 1000, unit="MB",
                    how="proportional set size of all services, readers, Postgres and NATS, five seconds after start"),
        floor_row(
            "main path, small files", median(rates), 700, unit="files/s", limit=_PEER,
            how=f"{count} files of 138 kB in memory, indexed, stars not measured; from the start of the command "
            f"`nightbus ingest` to the last committed row; {rounds} runs, best {max(rates):,.0f}. Processor time "
            f"{per_file:.2f} ms a file ({shares}), or {_CORES * 1000 / per_file:,.0f} files/s of {_CORES} cores",
        ),
        walked,
    ]  # fmt: skip


async def _walk(world: World, place: Path, count: int) -> Row:
    """Import a folder whose files the ledger knows: its rows are laid down as an import leaves them."""
    for number in range(count):
        if number % 1000 == 0:
            (place / f"{number // 1000:04d}").mkdir(parents=True)
        (place / f"{number // 1000:04d}" / f"light_{number:07d}.fits").write_bytes(b"x")
    await world.admin.execute("INSERT INTO ingest.root VALUES ('known', $1, 'indexed')", str(place))
    records = [
        ("known", listing.relative_path, entry.name, entry.size_bytes, entry.mtime_ns, entry.fingerprint,
         "arrived", f"{index:032x}{number:032x}")
        for index, listing in enumerate(walk(place)) for number, entry in enumerate(listing.entries)
    ]  # fmt: skip
    columns = ("source", "folder", "name", "size_bytes", "mtime_ns", "fingerprint", "state", "file_id")
    await world.admin.copy_records_to_table("source_file", schema_name="ingest", records=records, columns=columns)
    await world.admin.execute("VACUUM (ANALYZE) ingest.source_file")
    runs = [await world.ingest(place, 0) for _ in range(3)]
    assert all(run.report["already_here"] == count for run in runs)
    best = min(run.import_s for run in runs)
    return floor_row(
        "walk over unchanged files", count / median(run.import_s for run in runs), 20_000, unit="files/s",
        limit="astro_cat 10",
        how=f"{count:,} files in memory, folders of 1,000; the time of the import in ingest, best {count / best:,.0f}",
    )  # fmt: skip


async def _growing_library(*, quick: bool) -> Rows:
    large, rounds = (100_000, 2) if quick else (1_000_000, 3)
    found: dict[str, list[_Run]] = {"empty": [], "large": []}
    with folder(in_memory=True) as data:
        async with running(NO_STARS) as empty, running(NO_STARS) as full:
            await seed(full.admin, large)
            for turn in range(rounds + 1):
                place = data / str(turn)
                tiny_frames(place, _ADDED, seed=1, start_index=turn * _ADDED)
                for name, world in (("empty", empty), ("large", full)):
                    run = await _timed(world, place, _ADDED)
                    if turn:
                        found[name].append(run)
    cpu = {name: median(sum(run.cpu_ms.values()) for run in runs) for name, runs in found.items()}
    seconds = {name: median(run.imported.committed_s for run in runs) for name, runs in found.items()}
    return [
        ceiling_row(
            f"{_ADDED:,} files added to {large:,}", cpu["large"] / cpu["empty"], 1.2, unit="x",
            limit=f"empty: {cpu['empty']:.2f} ms a file",
            how="processor time of everything per file, two databases in turn; wall-clock time was "
            f"{seconds['large']:.1f} s against {seconds['empty']:.1f} s",
        )
    ]  # fmt: skip


async def _seestar(*, quick: bool) -> Rows:
    count = 60 if quick else 1000
    with folder(in_memory=True) as data, folder() as disk:
        paths = seestar_subs(data / "subs", count)
        library = Root("library", disk / "library", writable=True)
        library.path.mkdir()
        open_library(library, first_time=True)
        with ThreadPoolExecutor(_CORES) as threads:
            copy_s = _spent(threads, _copy, [(path, library) for path in paths])
        with ProcessPoolExecutor(_CORES, mp_context=get_context("spawn"), initializer=built_in) as readers:
            list(readers.map(_scan, paths[:4]))
            scan_s = _spent(readers, _scan, paths)
        async with running() as world:
            run = await _timed(world, data / "subs", count, "copy")
    parts_s = copy_s + scan_s
    ratio = parts_s / run.imported.committed_s
    return [
        Row(
            "end to end, 4 MB Seestar frames, measured",
            f"{run.files_s:.1f} frames/s",
            f"sum of the parts {count / parts_s:.1f}",
            ratio,
            ">= 0.85 x",
            ratio >= 0.85,
            f"{count} subs of 1080 x 1920 copied from memory to a library on disk and measured; the parts are copying "
            f"with {_CORES} threads ({copy_s / count * 1e3:.1f} ms a frame), then reading and measuring with {_CORES} "
            f"processes ({scan_s / count * 1e3:.1f} ms), each alone; the "
            "command, NATS and Postgres are in ours only",
        )
    ]


def seestar_subs(place: Path, count: int) -> list[Path]:
    """Seestar subs of a simulated night, made many by changing a few pixels."""
    with folder(in_memory=True) as night:
        simulate_night(night, night=DEFAULT_END_NIGHT, seed=1)
        models = [path.read_bytes() for path in sorted(night.glob("MyWorks/*_sub/*.fit"))[:20]]
    models = [data for data in models if len(data) > 4_000_000]
    paths = []
    for number in range(count):
        data = bytearray(models[number % len(models)])
        end = 2880 * math.ceil((data.index(b"END" + b" " * 77) + 80) / 2880)
        data[end : end + 8] = number.to_bytes(8, "big")
        path = place / f"{number // 100:02d}" / f"Light_{number:04d}.fit"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


def _spent(pool: Executor, work: Callable[[T], object], items: list[T]) -> float:
    started = time.perf_counter()
    list(pool.map(work, items))
    return time.perf_counter() - started


def _copy(item: tuple[Path, Root]) -> None:
    path, library = item
    copy_verified(path, library, f"{path.parent.name}/{path.name}")


def _scan(path: Path) -> int:
    arrived = arrival(0).model_copy(update={"path": path.name, "size_bytes": path.stat().st_size})
    return len(json.dumps(scanned_event(arrived, path.parent, measure_stars=True).problems))
