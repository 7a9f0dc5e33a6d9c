"""What is protected: coverage, and how old each proof of it is."""

from deploy.grafana.source.dashboard import Dashboard
from deploy.grafana.source.panels import RED, YELLOW, Column, Prom, Row, Sql, bars, series, stat, table, thresholds

_DAY_S = 86_400.0
_OF_ANY = "FROM backup.coverages WHERE destination = ''"
_BAR = {"custom.cellOptions": {"type": "gauge", "mode": "basic"}, "min": 0, "max": 1}


def _age(metric: str) -> str:
    return f"time() - max by (destination) ({metric} > 0)"


DASHBOARD = Dashboard(
    name="backup",
    title="Backup",
    description="How much of everything each destination has, how old the proof of it is, and what is wrong there.",
    since="now-30d",
    panels=(
        stat(
            "Covered", "Share of all files that lie in a verified archive at one destination at least.",
            Sql(f'SELECT archived::double precision / nullif(files, 0) AS "Covered" {_OF_ANY}'), unit="percentunit",
            colors=thresholds((0.95, YELLOW), (0.9999, "green"), base=RED), decimals=2,
        ),
        stat(
            "Unprotected files", "Files that can be read here and lie in no verified archive.",
            Sql(f'SELECT unprotected AS "Files" {_OF_ANY}'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Unprotected bytes", "Their size.", Sql(f'SELECT unprotected_bytes AS "Size" {_OF_ANY}'), unit="decbytes",
            colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Unprotected nights", "Nights with at least one unprotected file.",
            Sql(f'SELECT nights AS "Nights" {_OF_ANY}'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Unreadable files", "Files that lie in no archive and can be read nowhere: missing or offline.",
            Sql(f'SELECT unreadable AS "Files" {_OF_ANY}'), unit="locale", colors=thresholds((1, RED)),
        ),
        stat(
            "Open findings", "What checks found wrong at the destinations and nothing has mended yet.",
            Sql('SELECT count(*) AS "Findings" FROM backup.findings WHERE mended_at IS NULL'), unit="locale",
            colors=thresholds((1, RED)),
        ),
        Row("Destinations"),
        table(
            "Coverage by destination", "What each destination has of all files, as last counted.",
            Sql(
                """
SELECT d.name AS "Destination", d.state AS "State", d.problem AS "Problem",
       c.archived::double precision / nullif(c.files, 0) AS "Covered", c.archived AS "Archived",
       c.archived_bytes AS "Archived bytes", c.unprotected AS "Unprotected", c.unreadable AS "Unreadable",
       c.nights AS "Unprotected nights", c.counted_at AS "Counted"
FROM backup.destinations d LEFT JOIN backup.coverages c ON c.destination = d.name
WHERE d.state <> 'unused' ORDER BY d.name
"""
            ),
            height=6, unit="locale",
            columns=(
                Column("Covered", "percentunit", _BAR), Column("Archived bytes", "decbytes"),
                Column("Counted", "dateTimeAsIso"),
            ),
        ),
        bars(
            "Age of the last archive", "How long ago an archive was last verified at each destination.",
            Prom(_age("nightbus_backup_last_success_timestamp_seconds"), "{{destination}}", instant=True), unit="s",
            width=8, colors=thresholds((2 * _DAY_S, YELLOW), (7 * _DAY_S, RED)),
        ),
        bars(
            "Age of the last verification", "How long ago archives were last read back and compared.",
            Prom(_age("nightbus_backup_last_verification_timestamp_seconds"), "{{destination}}", instant=True),
            unit="s", width=8, colors=thresholds((14 * _DAY_S, YELLOW), (45 * _DAY_S, RED)),
        ),
        bars(
            "Age of the last restore drill", "How long ago some files were last restored to see that it works.",
            Prom(_age("nightbus_backup_last_drill_timestamp_seconds"), "{{destination}}", instant=True), unit="s",
            width=8, colors=thresholds((45 * _DAY_S, YELLOW), (120 * _DAY_S, RED)),
        ),
        table(
            "Dumps of the database", "The newest good dump at each destination.",
            Sql(
                """
SELECT DISTINCT ON (destination) destination AS "Destination", dumped_at AS "State of", verified_at AS "Read back",
       size_bytes AS "Size", key AS "Key"
FROM backup.dumps WHERE verified_at IS NOT NULL AND gone_at IS NULL AND unproven_at IS NULL
ORDER BY destination, dumped_at DESC
"""
            ),
            height=6, unit="locale",
            columns=(
                Column("State of", "dateTimeAsIso"), Column("Read back", "dateTimeAsIso"), Column("Size", "decbytes"),
            ),
        ),
        Row("Over time"),
        series(
            "Unprotected files", "Files that can be read and that no destination has.",
            Prom("max(nightbus_backup_unprotected_files)", "files"), unit="locale", smallest=0,
        ),
        series(
            "Sent", "Bytes that each destination took.",
            Prom("sum by (destination) (rate(nightbus_backup_sent_bytes_total[$__rate_interval]))", "{{destination}}"),
            unit="Bps", smallest=0,
        ),
        series(
            "Archived by day", "Size of the archives that were verified on each day, by destination.",
            Sql(
                """
SELECT date_trunc('day', verified_at, 'UTC') AS "time", destination AS metric, sum(stored_bytes) AS archived
FROM backup.archives
WHERE phase = 'verified' AND $__timeFilter(verified_at)
GROUP BY 1, 2 ORDER BY 1, 2
""",
                "time_series",
            ),
            unit="decbytes", width=24, draw="bars", stacked=True, smallest=0,
        ),
        Row("What needs a look"),
        table(
            "Archives that wait or failed",
            "At most a hundred, failed ones first. `nightbus backup retry` tries again.",
            Sql(
                """
SELECT destination AS "Destination", night::text AS "Night", collection_id AS "Collection", phase AS "Phase",
       state AS "State", reason AS "Reason", files AS "Files", size_bytes AS "Size", created_at AS "Asked"
FROM backup.archives WHERE state IN ('waiting', 'running', 'failed', 'dead')
ORDER BY state IN ('failed', 'dead') DESC, created_at LIMIT 100
"""
            ),
            unit="locale", columns=(Column("Size", "decbytes"), Column("Asked", "dateTimeAsIso")),
        ),
        table(
            "Findings", "What checks found wrong and nothing has mended yet; at most a hundred, the newest first.",
            Sql(
                """
SELECT destination AS "Destination", collection_id AS "Collection", what AS "What", problem AS "Problem",
       found_at AS "Found", seen_at AS "Last seen"
FROM backup.findings WHERE mended_at IS NULL ORDER BY found_at DESC LIMIT 100
"""
            ),
            width=12, columns=(Column("Found", "dateTimeAsIso"), Column("Last seen", "dateTimeAsIso")),
        ),
        table(
            "Checks", "Of each destination the last verification and the last restore drill.",
            Sql(
                """
SELECT destination AS "Destination", kind AS "Check", finished_at AS "Ended", checked AS "Archives", files AS "Files",
       read_bytes AS "Read", problems AS "Findings", result AS "Result"
FROM backup.last_check ORDER BY destination, kind
"""
            ),
            width=12, unit="locale", columns=(Column("Ended", "dateTimeAsIso"), Column("Read", "decbytes")),
        ),
    ),
)  # fmt: skip
