"""What a person should look at, counted: lights that stay without masters, refused masters, failed builds."""

from typing import NamedTuple

from shared.bus.transaction import Connection

_COUNTS = """
SELECT (SELECT coalesce(sum(g.lights), 0)::bigint
        FROM stats.sessions s JOIN light_group g USING (session_id)
        WHERE s.state = 'finished' AND s.finished_at <= clock_timestamp() - interval '1 day'
          AND s.finished_at > clock_timestamp() - interval '8 days'
          AND EXISTS (SELECT FROM group_need x JOIN need n USING (need_no)
                      WHERE x.group_no = g.group_no AND n.state = 'missing')) AS overdue_lights,
       (SELECT count(*) FROM need n
        WHERE n.state = 'missing' AND n.explanation LIKE '%' || $1::text || '%'
          AND EXISTS (SELECT FROM group_need x WHERE x.need_no = n.need_no)) AS refused_requirements,
       (SELECT count(*) FROM (SELECT DISTINCT ON (set_no) state FROM build ORDER BY set_no, created_at DESC) b
        WHERE b.state IN ('failed', 'dead')) AS failed_builds
"""


class Trouble(NamedTuple):
    """Lights, requirements and sets.

    Lights of sessions that are finished for one to eight days and lack a master; requirements that are missing since
    the master that fits is refused; sets whose last build failed.
    """

    overdue_lights: int
    refused_requirements: int
    failed_builds: int


async def counts(connection: Connection, refused: str) -> Trouble:
    """What there is of it. ``refused``: words by which an answer says that a master is refused."""
    (row,) = await connection.fetch(_COUNTS, refused)
    return Trouble(*row)
