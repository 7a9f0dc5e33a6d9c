"""A large library without its files: the rows that years of captures leave, made by the database itself."""

import asyncpg

_NIGHT = "(date '1990-01-01' + (n / 240)::int)"
"""240 frames a night, decades before the nights that the benches capture."""
_SESSION = f"to_char({_NIGHT}, 'YYYYMMDD') || '_5EED0000'"
_ID = "md5(n::text) || md5('seed' || n)"
_PATH = "lpad((n / 1000)::text, 5, '0') || '/light_' || n || '.fits'"
_AT = f"({_NIGHT} + interval '20 hours' + (n % 240) * interval '1 minute')::timestamp AT TIME ZONE 'UTC'"
_ENDS = f"({_NIGHT} + interval '33 hours')::timestamp AT TIME ZONE 'UTC'"
_TARGET = "'NGC' || n / 80 % 100"
"""Three targets a night, in five filters each."""
_FILTER = "(ARRAY['L', 'R', 'G', 'B', 'Ha'])[n % 5 + 1]"
_STARS, _FWHM = "400 + n % 100", "2.0 + n % 10"
_BESTS = "first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count"
_OF_EXPOSURES = f"min({_AT}), max({_AT}), min({_FWHM}), max({_STARS})"
_PACKED = "substring(" + " || ".join(f"sha512(convert_to('{part}' || n, 'UTF8'))" for part in "abcdefgh") + ", 1, 432)"
"""As long as the packed event of a small frame, and as hard to pack again."""
_ALL = "FROM generate_series($1::bigint, $2::bigint - 1) n"

_STATEMENTS = (
    f"""
    INSERT INTO ingest.file (file_id, size_bytes, source, origin, settled)
    SELECT {_ID}, 138240, 'seed', {_PATH}, true {_ALL}
    """,
    f"INSERT INTO ingest.location (root, path, file_id) SELECT 'seed', {_PATH}, {_ID} {_ALL}",
    f"""
    INSERT INTO ingest.source_file (source, folder, name, size_bytes, mtime_ns, fingerprint, state, file_id)
    SELECT 'seed', lpad((n / 1000)::text, 5, '0'), 'light_' || n || '.fits', 138240, n, int8send(n) || int8send(n),
        'arrived', {_ID} {_ALL}
    """,
    f"""
    INSERT INTO stats.file (file_id, scan_revision, root, path, size_bytes, source, origin, arrived_at, announced_at)
    SELECT {_ID}, 1, 'seed', {_PATH}, 138240, 'seed', {_PATH}, {_AT}, {_AT} {_ALL}
    """,
    f"""
    INSERT INTO stats.frame (file_id, scan_revision, format, frame_type, session_id, catalog_id, filter, counted,
        exposure_key, exposure_ms, size_bytes, night, session_night, own_session_id, night_ends_at, observed_at,
        arrived_at, source, stem, stem_key, rig, camera, star_count, fwhm_arcsec, event_no)
    SELECT {_ID}, 1, 'fits', 'LIGHT', {_SESSION}, {_TARGET}, {_FILTER}, true, 'seed|' || n, 60000, 138240, {_NIGHT},
        {_NIGHT}, {_SESSION}, {_ENDS}, {_AT}, {_AT}, 'seed', 'seed:' || {_PATH},
        (n / 1000) * 4294967296 + hashint8(n)::bigint + 2147483648, 'seed', 'seed camera', {_STARS}, {_FWHM},
        nextval('stats.event_no')
    {_ALL}
    """,
    f"INSERT INTO stats.event (event_no, packed) SELECT n + 1, {_PACKED} {_ALL}",
    f"""
    INSERT INTO stats.session (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at,
        last_arrived_at, open, revision, finished_at)
    SELECT {_SESSION}, {_NIGHT}, 'seed', count(*), count(*), count(*) * 138240, count(*), count(*) * 60000, {_ENDS},
        {_ENDS}, false, 1, clock_timestamp() {_ALL} GROUP BY (n / 240)::int ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.session_camera (night, camera, session_id, rig, files, sky_files)
    SELECT {_NIGHT}, 'seed camera', {_SESSION}, 'seed', count(*), count(*) {_ALL} GROUP BY (n / 240)::int
    ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.session_type (session_id, frame_type, files)
    SELECT {_SESSION}, 'LIGHT', count(*) {_ALL} GROUP BY (n / 240)::int ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.session_target (session_id, catalog_id, filter, exposures, integration_ms, {_BESTS},
        fwhm_arcsec_exposures, fwhm_arcsec_millionths, star_count_exposures, star_count_millionths)
    SELECT {_SESSION}, {_TARGET}, {_FILTER}, count(*), count(*) * 60000, {_OF_EXPOSURES}, count(*),
        (sum({_FWHM}) * 1000000)::bigint, count(*), sum({_STARS}) * 1000000 {_ALL} GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.target (catalog_id, name, exposures, integration_ms, sessions, revision, published_revision)
    SELECT {_TARGET}, {_TARGET}, count(*), count(*) * 60000, count(DISTINCT (n / 240)::int), 1, 1 {_ALL} GROUP BY 1
    ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.target_session (catalog_id, session_id, exposures)
    SELECT {_TARGET}, {_SESSION}, count(*) {_ALL} GROUP BY 1, 2 ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.target_filter (catalog_id, filter, exposures, integration_ms, {_BESTS})
    SELECT {_TARGET}, {_FILTER}, count(*), count(*) * 60000, {_OF_EXPOSURES} {_ALL} GROUP BY 1, 2
    ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.night_count (night, rig, camera, filter, frame_type, files)
    SELECT {_NIGHT}, 'seed', 'seed camera', {_FILTER}, 'LIGHT', count(*) {_ALL} GROUP BY 1, 4 ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO stats.object_count (catalog_id, object_name, files)
    SELECT {_TARGET}, '', count(*) {_ALL} GROUP BY 1 ON CONFLICT DO NOTHING
    """,
    f"INSERT INTO stats.inbox (consumer, event_id) SELECT 'stats-file-scanned', md5('scanned' || n)::uuid {_ALL}",
)


async def seed(admin: asyncpg.Connection, rows: int) -> None:
    """Fill every table of the main path with ``rows`` files of other sources, nights and rigs; then vacuum."""
    for statement in _STATEMENTS:
        await admin.execute(statement, 0, rows, timeout=900)
    await admin.execute("INSERT INTO ingest.root (name, path, kind) VALUES ('seed', '/seed', 'indexed')")
    await admin.execute("VACUUM (ANALYZE)", timeout=900)
    await admin.execute("CHECKPOINT", timeout=900)
