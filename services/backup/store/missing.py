"""What destinations lack: every known file is looked at, a page at a time, by indexes alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from shared.bus.transaction import Connection

HELD = """
SELECT FROM member m JOIN archive a USING (archive_id)
WHERE m.file_id = {file} AND a.destination = {destination}
  AND ((a.phase IN ('verified', 'unproven') AND m.state = 'written')
       OR (a.phase IN ('planned', 'stored') AND a.state IN ('waiting', 'running')
           AND m.state IN ('planned', 'written')))
"""
"""SQL for the archives at a destination that have a file or are about to have it; until it was looked at again, those
that are unproven as well."""
LEFT_OUT_AGAIN = timedelta(days=7)
"""A file that could not be read is tried again after that, or once it lies elsewhere."""

_PAGE = """
WITH held AS MATERIALIZED (
    SELECT p.file_id, p.size_bytes, p.arrived_at, h.there, h.settled
    FROM (SELECT file_id, size_bytes, arrived_at, announced_at FROM ingest.known_file
          WHERE file_id > $1 ORDER BY file_id LIMIT $2) p
    CROSS JOIN LATERAL (
        SELECT array_agg(a.destination) FILTER (WHERE a.phase = 'verified' AND m.state = 'written') AS there,
               array_agg(a.destination) FILTER (WHERE
                   (a.phase IN ('planned', 'stored') AND a.state IN ('waiting', 'running')
                    AND m.state IN ('planned', 'written'))
                   OR (a.phase = 'unproven' AND m.state = 'written')
                   OR (m.state = 'left_out'
                       AND a.stored_at > greatest(p.announced_at, clock_timestamp() - $4::interval))) AS settled
        FROM member m JOIN archive a USING (archive_id)
        WHERE m.file_id = p.file_id AND a.destination = ANY($3::text[])) h
), at_each AS (
    SELECT h.file_id, h.size_bytes, h.arrived_at, d.name AS destination,
           CASE d.name WHEN '' THEN h.there IS NOT NULL ELSE coalesce(d.name = ANY(h.there), false) END AS archived,
           coalesce(d.name = ANY(h.settled), false) AS settled, $6 AND h.there IS NOT NULL AS across
    FROM held h CROSS JOIN unnest($3::text[] || ''::text) AS d(name)
), looked_at AS (
    SELECT h.file_id, h.size_bytes, h.arrived_at, h.destination, h.archived, h.settled,
           CASE WHEN h.archived OR h.across THEN true ELSE NOT EXISTS (
               SELECT FROM (SELECT 1 FROM ingest.absent_file a WHERE a.file_id = h.file_id OFFSET 0) x) END AS readable
    FROM at_each h
)
SELECT h.destination, h.archived, h.readable, h.settled, s.session_id, s.night, s.revision,
       s.state = 'finished' AS finished,
       CASE WHEN NOT h.archived AND s.state IS DISTINCT FROM 'finished'
            THEN (h.arrived_at AT TIME ZONE 'UTC')::date END AS day,
       h.arrived_at < clock_timestamp() - $5::interval AS waited,
       count(*) AS files, sum(h.size_bytes)::bigint AS size_bytes
FROM looked_at h
LEFT JOIN stats.frames f ON f.file_id = h.file_id AND NOT h.archived
LEFT JOIN stats.sessions s ON s.session_id = f.session_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
_LAST = (
    "SELECT max(file_id) FROM (SELECT file_id FROM ingest.known_file WHERE file_id > $1 ORDER BY file_id LIMIT $2) p"
)


class Found(NamedTuple):
    """Files of a page that are alike to a destination; the empty name stands for any of them."""

    destination: str
    archived: bool
    readable: bool
    """Here, or at another destination."""
    settled: bool
    """An archive is about to have them, is unproven, or went without them lately."""
    session_id: str | None
    night: date | None
    revision: int | None
    finished: bool | None
    day: date | None
    """Of their arrival, where they are of no finished session."""
    waited: bool
    """They arrived long enough ago."""
    files: int
    size_bytes: int


async def last_of_page(connection: Connection, after: str, most: int) -> str | None:
    """The last file id of the page that begins after another; None where there is no more."""
    found: str | None = await connection.fetchval(_LAST, after, most)
    return found


async def page(
    connection: Connection, after: str, most: int, destinations: Sequence[str], wait: timedelta, *, across: bool = False
) -> list[Found]:
    """The files of a page by what destinations have of them.

    Args:
        connection: the caller's.
        after: file id before the page; empty for the first.
        most: files of a page.
        destinations: their names.
        across: whether what one destination has can be read for another one.
        wait: age from which on a file that is of no finished session goes by the day of its arrival.
    """
    rows = await connection.fetch(_PAGE, after, most, destinations, LEFT_OUT_AGAIN, wait, across)
    return [Found(*row) for row in rows]
