"""`calibration masters --twins`, --aged, --unused: what a library of masters has twice, and what it needs no more."""

TWINS = """
SELECT CASE WHEN d.places > 1 THEN 'duplicate' ELSE 'near twin' END AS kind, t.twins, t.master_type, t.file_id, t.name,
       l.root, l.path, t.made_at
FROM calibration.twin_masters t
JOIN ingest.file_location l ON l.file_id = t.file_id AND l.missing_since IS NULL
CROSS JOIN LATERAL (SELECT count(*) AS places FROM ingest.file_location o
                    WHERE o.file_id = t.file_id AND o.missing_since IS NULL) d
WHERE t.has_near_twin OR d.places > 1
"""
"""Masters that lie at several places, and those of the same properties with other contents; a row for each place."""
TWINS_ORDER = "master_type, twins, file_id, root, path"
AGED = "m.made_at < clock_timestamp() - make_interval(days => {}) AND m.master_type IN ('MASTER_DARK', 'MASTER_BIAS')"
"""The condition on calibration.masters, called m, for those past their lifetime in days."""
UNUSED = "m.sessions = 0"
"""The same for those that are matched with no session."""
