"""Recording what came of files: a batch at a time, and what the database refuses alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import asyncpg

from services.ingest.ledger import Observation
from services.ingest.mend import Mended
from services.ingest.metrics import INGESTED_BYTES, INGESTED_FILES
from services.ingest.settings import AfterTransfer
from services.ingest.source import Source
from services.ingest.sources.port import SourcePort
from services.ingest.store import batch, ledger
from services.ingest.store.batch import Batch
from services.ingest.store.files import Arrival
from services.ingest.tally import Tally
from shared.db.bisect import Refused, bisected
from shared.db.pool import connected, transaction
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class Recorded:
    """What was recorded: for each observation what it was recorded as (as in the ledger)."""

    observations: list[Observation]
    states: list[str]


class Recorder:
    """Writes the ledger and all that hangs on it, and tells, once each, what could not be taken."""

    def __init__(self, pool: asyncpg.Pool, wake: Callable[[], None]) -> None:
        """``wake`` is called after each commit that may hold events."""
        self._pool = pool
        self._wake = wake
        self._told: dict[tuple[str, str, str], str | None] = {}

    async def record(
        self,
        source: Source,
        observations: Iterable[Observation],
        arrivals: Iterable[Arrival],
        tally: Tally,
        job: Job | None,
        *,
        fate: AfterTransfer = "keep",
        mended: Mapping[str, Mended] = MappingProxyType({}),
    ) -> Recorded:
        """Record files of a source and what became of their contents; ``fate`` says what becomes of them there.

        ``mended`` are known contents, by file_id, whose copy in the library was placed anew.

        Files of one content stay together. A content whose values the database refuses fails with that reason, the
        others are recorded. Failures are counted in ``tally``, with their sentences.

        Raises:
            Lost: the import ``job`` that asked was taken over; what was recorded before stays.
        """
        contents = _by_content(observations)
        places: dict[str | None, list[Arrival]] = {}
        for arrival in arrivals:
            places.setdefault(arrival.file_id, []).append(arrival)
        recorded = Recorded([], [])

        async def write(parts: Sequence[list[Observation]]) -> tuple[list[Observation], list[str]]:
            seen = [item for part in parts for item in part]
            whole = Batch(
                source.name,
                source.zone,
                seen,
                arrivals=[
                    place
                    for file_id in dict.fromkeys(item.file_id for item in seen)
                    for place in places.get(file_id, ())
                ],
                freed=[item for item in seen if fate != "keep" and item.file_id is not None and not item.forgotten],
                after_backup=fate == "delete_after_backup",
                mended=[mended[file_id] for file_id in {item.file_id or "" for item in seen} & mended.keys()],
            )
            async with transaction(self._pool) as connection:
                if job is not None:
                    await job.hold(connection)
                return seen, await batch.save(connection, whole, None if job is None else job.id)

        refused: list[list[Observation]] = []
        async for part in bisected(contents, write):
            if isinstance(part, Refused):
                refused.append([_unrecorded(source.port, item, part.error) for item in part.item])
            else:
                recorded.observations += part.result[0]
                recorded.states += part.result[1]
                self._wake()
        # A value that was refused is not among those of a failure, unless it is the name itself: then nobody can.
        async for part in bisected(refused, write):
            failed = part.item if isinstance(part, Refused) else part.result[0]
            recorded.observations += failed
            recorded.states += ["failed"] * len(failed)
        for item, state in zip(recorded.observations, recorded.states, strict=True):
            INGESTED_FILES.labels(source.counted_as, state).inc()
            if state == "arrived":
                INGESTED_BYTES.labels(source.counted_as).inc(item.size_bytes)
            self._tell(source, item, failed=state == "failed")
            if state == "failed":
                tally.fail(item.reason or "")
        return recorded

    async def forget(self, source: Source, keys: Sequence[tuple[str, str]]) -> None:
        """Forget failures whose cause has gone."""
        async with connected(self._pool) as connection:
            await ledger.forget_failures(connection, source.name, keys)
        for key in keys:
            self._told.pop((source.name, *key), None)

    def _tell(self, source: Source, item: Observation, *, failed: bool) -> None:
        """Log a failure unless this very one was logged before: a bad name is seen again at each look."""
        key = (source.name, *item.key)
        if not failed:
            self._told.pop(key, None)
        elif self._told.get(key) != item.reason:
            self._told[key] = item.reason
            log.warning("file not taken", source=source.name, reason=item.reason)


def _by_content(observations: Iterable[Observation]) -> list[list[Observation]]:
    """Files of one content together: a file is already here only where the one that arrived is recorded with it."""
    contents: dict[object, list[Observation]] = {}
    for item in observations:
        contents.setdefault(item.file_id if item.file_id is not None else item.key, []).append(item)
    return list(contents.values())


def _unrecorded(port: SourcePort, item: Observation, error: Exception) -> Observation:
    where = shown(port.named(f"{item.folder}/{item.name}".lstrip("/")))
    return item.failed(f"{where} cannot be recorded: {shown(str(error).partition(chr(10))[0])}")
