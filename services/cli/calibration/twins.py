"""What `calibration masters` asks with --twins and --aged: what a library has twice, and what is past its lifetime."""

from services.cli.calibration.columns import ID_DIGITS, type_word
from services.cli.connection import Stack
from services.cli.filters import Where
from services.cli.layout import Column
from services.cli.listing import Listing, Query

AGED = "m.made_at < clock_timestamp() - {} * interval '1 day' AND m.master_type IN ('MASTER_DARK', 'MASTER_BIAS')"
"""The condition on calibration.masters, called m, for those past their lifetime in days."""
_TWINS = """
SELECT CASE WHEN d.places > 1 THEN 'duplicate' ELSE 'near twin' END AS kind, t.twins, m.master_type, m.file_id, m.name,
       l.root, l.path, m.made_at, m.camera, m.lights
FROM calibration.masters m
JOIN calibration.twin_masters t USING (file_id)
JOIN ingest.file_location l ON l.file_id = m.file_id AND l.missing_since IS NULL
CROSS JOIN LATERAL (SELECT count(*) AS places FROM ingest.file_location o
                    WHERE o.file_id = m.file_id AND o.missing_since IS NULL) d
WHERE (t.has_near_twin OR d.places > 1) AND {where}
"""


def lifetime_days(stack: Stack) -> float:
    """After how many days a dark or bias is past its lifetime, by the settings."""
    from services.calibration.settings import CalibrationSettings

    return float(stack.settings.section(CalibrationSettings).dark_lifetime_days)


def twin_listing(where: Where) -> Listing:
    """Masters that lie at several places, and those of equal properties with other contents; a row for each place."""
    query = Query(_TWINS.format(where=where.sql), where.parameters)
    return Listing(query, "master_type, twins, file_id, root, path", _COLUMNS, "twin", total=query.count)


_COLUMNS = (
    Column("kind", lambda row: row["kind"]),
    Column("type", type_word),
    Column("id", lambda row: row["file_id"][:ID_DIGITS]),
    Column("made", lambda row: row["made_at"]),
    Column("lights", lambda row: row["lights"], "right"),
    Column("place", lambda row: f"{row['root']}: {row['path']}", fold=True, below=True),
)
