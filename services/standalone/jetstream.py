"""What a JetStream store holds on disk, what the server serves of it, and keeping aside what is damaged.

nats-server checks what it reads, and goes on in many ways: of a stream whose description is damaged it says that it
"could not be recovered"; others it deletes; a consumer whose state is damaged is missing and cannot be made again; a
stream with a damaged block is served, but nothing behind that block is ever delivered. Whatever is not served as it
should be is kept aside, in a folder that nobody deletes, and made anew: what was in it follows from the database.
Before each start the files get a second name (hard links), which outlives what the server deletes.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from services.descriptions import CONSUMERS
from services.standalone.home import sync_folder
from shared.bus.names import ACCOUNT, DEAD_LETTERS, EVENTS, OLD_DEAD_LETTERS
from shared.description import Consumer

DETAILS = "/jsz?accounts=true&streams=true&consumers=true"
"""The monitoring page that ``Served`` is read from."""
_STREAMS = Path("jetstream") / ACCOUNT / "streams"
_ASIDE = "jetstream.damaged-"


class Part(NamedTuple):
    """A stream of a store, or one of its consumers; without a stream the whole store."""

    stream: str | None = None
    consumer: str | None = None

    @property
    def place(self) -> Path:
        """Its folder below the store."""
        if self.stream is None:
            return Path()
        folder = _STREAMS / self.stream
        return folder / "obs" / self.consumer if self.consumer else folder

    def __str__(self) -> str:
        """As a person calls it."""
        if self.stream is None:
            return "the whole store"
        return (
            f"the consumer {self.consumer} of the stream {self.stream}"
            if self.consumer
            else f"the stream {self.stream}"
        )


WHOLE_STORE = Part()


@dataclass(frozen=True, slots=True)
class Served:
    """What a running server serves: for each stream its consumers, as the monitoring page describes them."""

    streams: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @classmethod
    def of(cls, page: Mapping[str, Any]) -> "Served":
        """Read the page at ``DETAILS``."""
        accounts = page.get("account_details") or []
        return cls(
            {
                stream["name"]: {one["name"]: one for one in stream.get("consumer_detail") or []}
                for account in accounts
                for stream in account.get("stream_detail") or []
            }
        )


def linked(store: Path, place: Path) -> None:
    """Give every file of the streams of a store a second name below ``place``, in the same folders.

    Where the file system has no links, the folders alone tell what there was.
    """
    if place.exists():  # an earlier start was cut short
        shutil.rmtree(place)
    place.mkdir()
    for folder, _folders, names in os.walk(store / _STREAMS):
        copy = place / Path(folder).relative_to(store)
        copy.mkdir(parents=True)
        for name in names:
            with contextlib.suppress(OSError):
                os.link(Path(folder, name), copy / name, follow_symlinks=False)


def not_served(before: Path, served: Served) -> list[Part]:
    """What a store held before the start and the server does not serve: it is damaged.

    Of consumers only our own are told; short-lived ones of others leave traces too. One of the event stream takes the
    stream with it: read from the start again it would have every file of the last weeks scanned anew, where ingest
    knows which are missing.
    """
    lost = []
    for folder in _folders(before / _STREAMS):
        if folder.name not in served.streams:
            lost.append(Part(folder.name))
            continue
        kept = {entry.name for entry in _folders(folder / "obs")}
        missing = [row for row in CONSUMERS if row.stream == folder.name and row.durable in kept]
        missing = [row for row in missing if row.durable not in served.streams[folder.name]]
        if folder.name == EVENTS and missing:
            lost.append(Part(EVENTS))
        else:
            lost.extend(Part(folder.name, row.durable) for row in missing)
    return lost


class Standstill:
    """Finds streams of which a consumer gets nothing between two looks, though messages and a reader wait."""

    def __init__(self) -> None:
        self._delivered: dict[str, int] = {}

    def look(self, served: Served) -> list[Part]:
        """The streams that have stood still since the last look."""
        before, self._delivered = self._delivered, {}
        still = set()
        for row in CONSUMERS:
            found = served.streams.get(row.stream, {}).get(row.durable)
            if found is None or not _should_move(found, row):
                continue
            self._delivered[row.durable] = found["delivered"]["consumer_seq"]
            if before.get(row.durable) == self._delivered[row.durable]:
                still.add(Part(row.stream))
        return sorted(still)


def set_aside(home: Path, store: Path, before: Path, parts: list[Part]) -> Path:
    """Move parts of a store whose server does not run into a new folder of the home; returns that folder.

    What the server deleted is taken from ``before``, the second names.
    """
    folder = home / f"{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    folder.mkdir(mode=0o700)
    for part in parts:
        place = folder / store.name / part.place
        place.parent.mkdir(parents=True, exist_ok=True)
        source = next(kept for kept in (store / part.place, before / part.place) if kept.exists())
        source.rename(place)
        sync_folder(source.parent)
    sync_folder(home)
    return folder


def put_back(folder: Path, store: Path) -> None:
    """Undo keeping the whole store aside: nothing was wrong with it."""
    (folder / store.name).rename(store)
    folder.rmdir()
    sync_folder(store.parent)


def kept_aside(home: Path) -> list[Path]:
    """The damaged stores that are kept, oldest first."""
    return sorted(home.glob(f"{_ASIDE}*"))


def what_was_done(parts: list[Part], reason: str, folder: Path) -> str:
    """The sentence for the log."""
    lost = ["consumers that other programs had there"] if any(not part.consumer for part in parts) else []
    if any(part.stream in (None, DEAD_LETTERS, OLD_DEAD_LETTERS) and part.consumer is None for part in parts):
        lost.insert(0, "dead letters that were not in the register yet")
    does = "" if not lost else f"; {' and '.join(lost)} do not come back"
    return (
        f"the message store was damaged ({reason}): {', '.join(map(str, parts))} was kept aside in {folder} and is "
        f"made anew, and what had not been read is told again{does}"
    )


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        with os.scandir(place) as entries:
            yield from sorted(Path(entry) for entry in entries)


def _should_move(found: Mapping[str, Any], row: Consumer) -> bool:
    return bool(
        found.get("num_pending") and found.get("num_waiting") and found.get("num_ack_pending", 0) < row.max_ack_pending
    )
