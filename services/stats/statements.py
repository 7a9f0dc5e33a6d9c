"""The SQL of ``store``. Every write runs under the service's advisory lock, so that none can deadlock."""

from services.stats.derived import KEPT_OF_MEASURED, MILLIONTHS, OF_EXPOSURES

LOCK = "SELECT set_config('enable_seqscan', 'off', true), pg_advisory_xact_lock($1)"
"""Statements are prepared while tables may be empty and used when they are large: only index scans stay right."""

_ENTRY = f"""
SELECT f.file_id, f.scan_revision, f.decisions_revision, f.digest, f.frame_type,
       coalesce(f.rig, f.camera, 'unknown') AS label,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.read_at)) AS read_at,
       greatest('0001-01-01', least('9999-12-31', f.session_night)) AS session_night,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.night_ends_at)) AS night_ends_at,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.arrived_at)) AS arrived_at,
       coalesce(f.camera, '') AS camera, f.stem, f.stem_key, f.exposure_key,
       coalesce(f.exposure_ms, 0) AS exposure_ms, f.size_bytes, coalesce(f.catalog_id, '') AS catalog_id,
       coalesce(f.filter, '') AS filter, f.counted, f.session_id, f.location_revision,
       CASE WHEN f.night BETWEEN '1000-01-01' AND '8999-12-31' THEN f.night ELSE '-infinity' END AS frame_night,
       coalesce(f.rig, '') AS frame_rig, coalesce(f.object_name, '') AS object_name,
       CASE WHEN f.observed_at >= '1000-01-01 00:00Z' AND f.observed_at < '9000-01-01 00:00Z' THEN f.observed_at END
           AS observed_at,
       f.fwhm_arcsec, f.star_count, f.target_uncertain, ARRAY[{", ".join(MILLIONTHS.values())}] AS measured,
       greatest('0001-01-01', least('9999-12-31', coalesce(s.night, f.session_night))) AS night,
       coalesce(s.rig, f.rig, f.camera, 'unknown') AS rig
FROM frame f LEFT JOIN session s USING (session_id)
"""
"""Times and dates are kept within what Python can hold and compare, and a session's row may be missing: a row that was
spoilt, or stored by a version that took more, must not stop the frames beside it."""
RELATED = (
    _ENTRY + "WHERE f.file_id = ANY($1::text[]) OR f.stem_key = ANY($2::bigint[]) OR f.exposure_key = ANY($3::text[])"
)
CALIBRATION = (
    _ENTRY
    + """
WHERE f.session_night = ANY($1::date[]) AND f.frame_type IN
    ('DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT')
"""
)
SKY = """
SELECT camera, session_id, night, rig, sky_files FROM session_camera WHERE night = ANY($1::date[]) AND sky_files > 0
"""

FILES = """
INSERT INTO file AS f (file_id, scan_revision, root, path, size_bytes, source, origin, replaces, hints, arrived_at,
                       announced_at, location_revision)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                     $9::jsonb[], $10::timestamptz[], $11::timestamptz[], $12::int[])
ON CONFLICT (file_id) DO UPDATE SET
    arrived_at = least(f.arrived_at, excluded.arrived_at),
    (scan_revision, root, path, source, origin, replaces, hints, announced_at, location_revision) = (
        SELECT scan_revision, root, path, source, origin, replaces, hints, announced_at, location_revision FROM (VALUES
            (f.scan_revision, f.announced_at, f.root, f.path, f.source, f.origin, f.replaces, f.hints,
             f.location_revision),
            (excluded.scan_revision, excluded.announced_at, excluded.root, excluded.path, excluded.source,
             excluded.origin, excluded.replaces, excluded.hints, excluded.location_revision)
        ) AS one (scan_revision, announced_at, root, path, source, origin, replaces, hints, location_revision)
        ORDER BY one.scan_revision DESC, one.announced_at DESC, one.root, one.path LIMIT 1)
"""
"""The highest scan revision wins, then the latest announcement: in any order of arrival the row is the same."""

MOVES = """
INSERT INTO moved AS m (file_id, location_revision, root, path)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[])
ON CONFLICT (file_id) DO UPDATE SET
    location_revision = excluded.location_revision, root = excluded.root, path = excluded.path
WHERE excluded.location_revision > m.location_revision
"""
WHERE_MOVED = """
UPDATE file f SET root = m.root, path = m.path FROM moved m
WHERE f.file_id = ANY($1::text[]) AND m.file_id = f.file_id AND m.location_revision > f.location_revision
  AND (f.root, f.path) <> (m.root, m.path)
"""
"""An announcement that knew of the latest move tells the place itself."""
RENAMED = """
UPDATE frame f SET stem = m.stem, stem_key = m.stem_key, location_revision = m.location_revision
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[]) AS m (file_id, stem, stem_key, location_revision)
WHERE f.file_id = m.file_id
"""
FATES = """
SELECT g.file_id, m.location_revision, m.root, m.path, r.scan_revision AS removed_scan,
       r.location_revision AS removed_location
FROM unnest($1::text[]) AS g (file_id) LEFT JOIN moved m USING (file_id) LEFT JOIN removed r USING (file_id)
WHERE m.file_id IS NOT NULL OR r.file_id IS NOT NULL
"""
REMOVED = """
INSERT INTO removed AS r (file_id, scan_revision, location_revision, removed_at)
SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::timestamptz[])
ON CONFLICT (file_id) DO UPDATE SET
    scan_revision = greatest(r.scan_revision, excluded.scan_revision),
    location_revision = greatest(r.location_revision, excluded.location_revision),
    removed_at = greatest(r.removed_at, excluded.removed_at)
"""
FORGET = (
    """
    DELETE FROM file f USING removed r
    WHERE r.file_id = ANY($1::text[]) AND f.file_id = r.file_id AND f.scan_revision <= r.scan_revision
    """,
    """
    DELETE FROM pending p USING removed r
    WHERE r.file_id = ANY($1::text[]) AND p.file_id = r.file_id AND p.scan_revision <= r.scan_revision
    """,
    """
    DELETE FROM quarantine q USING removed r
    WHERE r.file_id = ANY($1::text[]) AND q.quarantine_key = r.file_id AND q.attempt <= r.scan_revision
    """,
    """
    DELETE FROM moved m USING removed r
    WHERE r.file_id = ANY($1::text[]) AND m.file_id = r.file_id AND m.location_revision <= r.location_revision
    """,
    """
    DELETE FROM unkept u
    WHERE u.file_id = ANY($1::text[]) AND NOT EXISTS (SELECT FROM frame f WHERE f.file_id = u.file_id)
    """,
)
TARGET_NAMES = """
UPDATE target t SET name = n.first FROM (
    SELECT catalog_id, min(target_name) AS first, array_agg(DISTINCT target_name) AS names FROM frame
    WHERE catalog_id = ANY($1::text[]) AND frame_type = 'LIGHT' GROUP BY catalog_id) n
WHERE t.catalog_id = n.catalog_id AND n.first IS NOT NULL AND t.name <> ALL(array_remove(n.names, NULL))
"""
"""A name that the frames do not bear any more makes way for the first that they do."""

PENDING = """
INSERT INTO pending AS p (file_id, scan_revision, source, waiting_since)
SELECT f.file_id, f.scan_revision, f.source, least(g.announced_at, clock_timestamp())
FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS g (file_id, scan_revision, announced_at)
JOIN file f USING (file_id, scan_revision)
WHERE NOT EXISTS (SELECT FROM frame fr WHERE fr.file_id = f.file_id AND fr.scan_revision >= f.scan_revision)
  AND NOT EXISTS (SELECT FROM quarantine q WHERE q.quarantine_key = f.file_id AND q.attempt >= f.scan_revision)
ON CONFLICT (file_id) DO UPDATE SET
    scan_revision = excluded.scan_revision, source = excluded.source,
    waiting_since = CASE WHEN p.scan_revision < excluded.scan_revision THEN excluded.waiting_since
                         ELSE least(p.waiting_since, excluded.waiting_since) END
"""
"""A revision waits since it was first announced, however often it is announced again: by a clock that is ahead, since
it was heard of."""

SOURCES = """
INSERT INTO source AS o (source, last_arrived_at)
SELECT source, least(max(arrived_at), clock_timestamp())
FROM unnest($1::text[], $2::timestamptz[]) AS g (source, arrived_at) GROUP BY source
ON CONFLICT (source) DO UPDATE SET
    last_arrived_at = greatest(
        CASE WHEN o.last_arrived_at <= clock_timestamp() THEN o.last_arrived_at END, excluded.last_arrived_at)
"""
"""What a clock that was ahead left here lasts until the next file."""
_MOVED_ON = """
INSERT INTO source AS o (source, handled_up_to, handled_at)
SELECT source, max(waiting_since), least(max(handled_at), clock_timestamp()) FROM settled GROUP BY source
ON CONFLICT (source) DO UPDATE SET
    handled_up_to = greatest(
        CASE WHEN o.handled_up_to <= clock_timestamp() THEN o.handled_up_to END, excluded.handled_up_to),
    handled_at = greatest(CASE WHEN o.handled_at <= clock_timestamp() THEN o.handled_at END, excluded.handled_at)
"""

QUARANTINE = f"""
WITH given (quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[],
                         $9::timestamptz[])
), settled AS (
    DELETE FROM pending p USING given g WHERE p.file_id = g.file_id AND p.scan_revision <= g.attempt
    RETURNING p.source, p.waiting_since, g.occurred_at AS handled_at
), moved_on AS ({_MOVED_ON})
INSERT INTO quarantine AS q (quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at)
SELECT quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at FROM given g
WHERE NOT EXISTS (SELECT FROM frame f WHERE f.file_id = g.file_id AND f.scan_revision >= g.attempt)
ON CONFLICT (quarantine_key) DO UPDATE SET
    file_id = excluded.file_id, root = excluded.root, path = excluded.path, service = excluded.service,
    attempt = excluded.attempt, reason = excluded.reason, error = excluded.error, occurred_at = excluded.occurred_at
WHERE (excluded.attempt, excluded.service, coalesce(excluded.path, ''), excluded.reason, excluded.occurred_at)
    > (q.attempt, q.service, coalesce(q.path, ''), q.reason, q.occurred_at)
"""

SETTLED = f"""
WITH given (file_id, scan_revision, handled_at) AS (SELECT * FROM unnest($1::text[], $2::int[], $3::timestamptz[])
), settled AS (
    DELETE FROM pending p USING given g WHERE p.file_id = g.file_id AND p.scan_revision <= g.scan_revision
    RETURNING p.source, p.waiting_since, g.handled_at
), moved_on AS ({_MOVED_ON}
), kept AS (
    DELETE FROM unkept u USING given g WHERE u.file_id = g.file_id
)
DELETE FROM quarantine q USING given g WHERE q.quarantine_key = g.file_id AND q.attempt <= g.scan_revision
"""
NUMBERS = "SELECT max(nextval('event_no')) FROM generate_series(1, $1::int)"
"""The last of so many numbers in a row: under the lock nobody else takes any, and their order is that of commits."""
REPLACED = """
WITH gone AS (DELETE FROM frame WHERE file_id = ANY($1::text[]) RETURNING event_no)
DELETE FROM event e USING gone g WHERE e.event_no = g.event_no
"""
MOVED = """
UPDATE frame f SET session_id = m.session_id, counted = m.counted
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS m (file_id, session_id, counted) WHERE f.file_id = m.file_id
"""

SESSIONS = """
INSERT INTO session AS s (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at,
                          last_arrived_at, revision, finished_at, told_at)
SELECT g.session_id, g.night, g.rig, g.sky_files, g.files, g.size_bytes, g.exposures, g.integration_ms, g.ends_at,
       g.last_arrived_at, coalesce(t.revision, 0), t.told_at, t.told_at
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::timestamptz[], $10::timestamptz[])
    AS g (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at, last_arrived_at)
LEFT JOIN told t ON t.key = g.session_id
ON CONFLICT (session_id) DO UPDATE SET
    sky_files = s.sky_files + excluded.sky_files,
    files = s.files + excluded.files,
    size_bytes = s.size_bytes + excluded.size_bytes,
    exposures = s.exposures + excluded.exposures,
    integration_ms = s.integration_ms + excluded.integration_ms,
    ends_at = greatest(s.ends_at, excluded.ends_at),
    last_arrived_at = greatest(s.last_arrived_at, excluded.last_arrived_at),
    open = true,
    untold = NULL
"""
"""A session that was told and lost its row goes on from the revision that was told."""
SESSION_CAMERAS = """
INSERT INTO session_camera AS c (night, camera, session_id, rig, files, sky_files)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
ON CONFLICT (night, camera, session_id) DO UPDATE SET
    files = c.files + excluded.files, sky_files = c.sky_files + excluded.sky_files
"""
SESSION_TYPES = """
INSERT INTO session_type AS y (session_id, frame_type, files)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (session_id, frame_type) DO UPDATE SET files = y.files + excluded.files
"""
NIGHT_COUNTS = """
INSERT INTO night_count AS n (night, rig, camera, filter, frame_type, files)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
ON CONFLICT (night, names) DO UPDATE SET files = n.files + excluded.files
"""
OBJECT_COUNTS = """
INSERT INTO object_count AS o (catalog_id, object_name, files)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (catalog_id, object_name) DO UPDATE SET files = o.files + excluded.files
"""
_BETTER = """
    exposures = x.exposures + excluded.exposures,
    integration_ms = x.integration_ms + excluded.integration_ms,
    uncertain_frames = x.uncertain_frames + excluded.uncertain_frames,
    first_captured_at = least(x.first_captured_at, excluded.first_captured_at),
    last_captured_at = greatest(x.last_captured_at, excluded.last_captured_at),
    best_fwhm_arcsec = least(x.best_fwhm_arcsec, excluded.best_fwhm_arcsec),
    best_star_count = greatest(x.best_star_count, excluded.best_star_count)
"""
_BESTS = "first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count"
_WERE_BEST = """
g.first_captured_at <= x.first_captured_at OR g.last_captured_at >= x.last_captured_at
OR g.best_fwhm_arcsec <= x.best_fwhm_arcsec OR g.best_star_count >= x.best_star_count
"""
"""What went away (g) is nowhere worse than what is best now (x), and may be that."""
SESSION_TARGETS = f"""
INSERT INTO session_target AS x (session_id, catalog_id, filter, exposures, integration_ms, uncertain_frames, {_BESTS},
                                 {", ".join(KEPT_OF_MEASURED)})
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::timestamptz[], $8::timestamptz[], $9::real[], $10::int[],
                     {", ".join(f"${number}::bigint[]" for number, _ in enumerate(KEPT_OF_MEASURED, 11))})
ON CONFLICT (session_id, catalog_id, filter) DO UPDATE SET {_BETTER.rstrip()},
    {", ".join(f"{name} = x.{name} + excluded.{name}" for name in KEPT_OF_MEASURED)}
"""
SESSION_BESTS = f"""
WITH given (session_id, catalog_id, filter, {_BESTS}) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::real[],
                         $7::int[])
), doubted AS (
    SELECT DISTINCT session_id FROM given g JOIN session_target x USING (session_id, catalog_id, filter)
    WHERE {_WERE_BEST}
)
UPDATE session_target x SET ({_BESTS})
    = ROW (m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter, {OF_EXPOSURES}
    FROM doubted JOIN frame USING (session_id) WHERE counted AND frame_type = 'LIGHT' GROUP BY 1, 2, 3) m
WHERE (x.session_id, x.catalog_id, x.filter) = (m.session_id, m.catalog_id, m.filter)
"""
"""Looks for the bests of a session anew where one of them may have gone."""
TARGET_FILTERS = f"""
INSERT INTO target_filter AS x (catalog_id, filter, exposures, integration_ms, uncertain_frames, {_BESTS})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::timestamptz[], $7::timestamptz[], $8::real[], $9::int[])
ON CONFLICT (catalog_id, filter) DO UPDATE SET {_BETTER}
"""
FILTER_BESTS = f"""
WITH given (catalog_id, filter, {_BESTS}) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::int[])
), doubted AS (
    SELECT catalog_id, filter FROM given g JOIN target_filter x USING (catalog_id, filter) WHERE {_WERE_BEST}
)
UPDATE target_filter x SET ({_BESTS})
    = ROW (m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT d.catalog_id, d.filter, min(t.first_captured_at) AS first_captured_at,
           max(t.last_captured_at) AS last_captured_at, min(t.best_fwhm_arcsec) AS best_fwhm_arcsec,
           max(t.best_star_count) AS best_star_count
    FROM doubted d JOIN target_session s ON s.catalog_id = d.catalog_id
    JOIN session_target t ON (t.session_id, t.catalog_id, t.filter) = (s.session_id, d.catalog_id, d.filter)
    WHERE t.exposures > 0 GROUP BY 1, 2) m
WHERE (x.catalog_id, x.filter) = (m.catalog_id, m.filter)
"""
"""The same for a target, out of what is kept of its sessions."""
TARGETS = """
WITH given (catalog_id, session_id, delta) AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
), upserted AS (
    INSERT INTO target_session AS t (catalog_id, session_id, exposures) SELECT catalog_id, session_id, delta FROM given
    ON CONFLICT (catalog_id, session_id) DO UPDATE SET exposures = t.exposures + excluded.exposures
    RETURNING catalog_id, session_id, exposures
), appeared AS (
    SELECT catalog_id, sum((exposures > 0)::int - (exposures - delta > 0)::int) AS sessions
    FROM given JOIN upserted USING (catalog_id, session_id) GROUP BY catalog_id
)
INSERT INTO target AS t (catalog_id, name, exposures, integration_ms, sessions, revision, published_revision,
                         published_at)
SELECT catalog_id, name, exposures, integration_ms, coalesce(sessions, 0), coalesce(revision, 0) + 1,
       coalesce(revision, 0), told_at
FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bigint[]) AS d (catalog_id, name, exposures, integration_ms)
LEFT JOIN appeared USING (catalog_id)
LEFT JOIN told ON key = catalog_id
ORDER BY catalog_id
ON CONFLICT (catalog_id) DO UPDATE SET
    name = least(t.name, excluded.name),
    exposures = t.exposures + excluded.exposures,
    integration_ms = t.integration_ms + excluded.integration_ms,
    sessions = t.sessions + excluded.sessions,
    revision = t.revision + 1,
    updated_at = clock_timestamp()
"""

SESSIONS_AGAIN = """
UPDATE session s SET ends_at = m.ends_at, last_arrived_at = m.last_arrived_at
FROM (SELECT session_id,
             coalesce(max(night_ends_at) FILTER (WHERE own_session_id = session_id), max(night_ends_at)) AS ends_at,
             max(arrived_at) AS last_arrived_at
      FROM frame WHERE session_id = ANY($1::text[]) GROUP BY session_id) m
WHERE s.session_id = m.session_id
"""
"""The latest of a session's times, after files left it."""

EMPTY = (
    "DELETE FROM session_camera WHERE night = ANY($2::date[]) AND session_id = ANY($1::text[]) AND files = 0",
    "DELETE FROM session_type WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND files = 0",
    "DELETE FROM session_target WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND exposures = 0",
    "DELETE FROM session WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND files = 0 AND revision = 0",
)
"""A row of zeros is the same as none, and stays none: which of the two must not depend on the order of events."""
EMPTY_NIGHTS = "DELETE FROM night_count WHERE night = ANY($1::date[]) AND files = 0"
EMPTY_OBJECTS = "DELETE FROM object_count WHERE catalog_id = ANY($1::text[]) AND files = 0"
EMPTY_TARGETS = (
    "DELETE FROM target_session WHERE catalog_id = ANY($1::text[]) AND exposures = 0",
    "DELETE FROM target_filter WHERE catalog_id = ANY($1::text[]) AND exposures = 0",
    """DELETE FROM target WHERE catalog_id = ANY($1::text[])
       AND exposures = 0 AND published_revision = 0 AND status IS NULL""",
)
