"""Where it lies: free space and the nights that it is enough for, files by type and state, sources."""

from deploy.grafana.source.choices import AT_NIGHT, NIGHTS, OF_RIGS, RIG
from deploy.grafana.source.dashboard import Dashboard
from deploy.grafana.source.panels import (
    GREEN,
    RED,
    YELLOW,
    Column,
    Prom,
    Row,
    Sql,
    bars,
    series,
    stat,
    table,
    thresholds,
    words,
)

_REACHABLE = words({"0": ("away", RED), "1": ("here", GREEN)})
_FREE = thresholds((0.05, YELLOW), (0.1, GREEN), base=RED)

DASHBOARD = Dashboard(
    name="storage",
    title="Storage",
    description="Room on the disks and how long it lasts, what lies there, and whether sources are reachable.",
    since="now-90d",
    choices=(RIG,),
    panels=(
        stat(
            "Files", "Contents that ever arrived and were not forgotten.",
            Sql('SELECT files AS "Files" FROM ingest.counts'), unit="locale",
        ),
        stat("Bytes", "Their size.", Sql('SELECT size_bytes AS "Size" FROM ingest.counts'), unit="decbytes"),
        stat(
            "Not taken", "Files and folders of sources that could not be taken; the table below says why.",
            Sql('SELECT failed AS "Files" FROM ingest.counts'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Files by state",
            "Whether files can be read: here, missing, offline with their disk, or in archives alone.",
            Prom("max by (state) (nightbus_files)", "{{state}}", instant=True), unit="locale", width=12,
            text="value_and_name",
        ),
        Row("Room"),
        bars(
            "Free", "Free share of the disk of each root.",
            Prom(
                "max by (root) (nightbus_root_free_bytes) / max by (root) (nightbus_root_size_bytes)", "{{root}}",
                instant=True,
            ),
            unit="percentunit", width=8, colors=_FREE, largest=1,
        ),
        bars(
            "Nights left",
            "Nights like the last ones until the disk of each root is full; none where that is not known.",
            Prom("min by (root) (nightbus_root_nights_left)", "{{root}}", instant=True), unit="suffix: nights", width=8,
            colors=thresholds((7, YELLOW), (30, GREEN), base=RED),
        ),
        stat(
            "Roots", "Whether each root is there: the library, indexed trees.",
            Prom("min by (root) (nightbus_root_reachable)", "{{root}}", instant=True), unit="none", width=8, height=8,
            mappings=[_REACHABLE], colors=thresholds((1, GREEN), base=RED), text="value_and_name",
        ),
        series(
            "Free over time", "What is free on the disk of each root.",
            Prom("max by (root) (nightbus_root_free_bytes)", "{{root}}"), unit="decbytes", smallest=0,
        ),
        series(
            "Nights left over time", "Nights like the last ones until the disk of each root is full.",
            Prom("min by (root) (nightbus_root_nights_left)", "{{root}}"), unit="suffix: nights", smallest=0,
        ),
        table(
            "Disks", "The disk of each root as last measured.",
            Sql(
                """
SELECT root AS "Root", kind AS "Kind", path AS "Path", free_bytes AS "Free", disk_bytes AS "Size",
       free_bytes::double precision / nullif(disk_bytes, 0) AS "Free share", night_bytes AS "A night",
       nights_left AS "Nights left", measured_at AS "Measured"
FROM ingest.root_space ORDER BY root
"""
            ),
            height=6, unit="decbytes",
            columns=(
                Column("Free share", "percentunit"), Column("Nights left", "suffix: nights", {"decimals": 0}),
                Column("Measured", "dateTimeAsIso"),
            ),
        ),
        Row("What lies there"),
        series(
            "Captured by night and rig", "Size of all files of each session.",
            Sql(
                f"""
SELECT {AT_NIGHT} AS "time", rig AS metric, sum(size_bytes) AS size
FROM stats.sessions
WHERE {NIGHTS} AND {OF_RIGS}
GROUP BY night, rig ORDER BY 1, 2
""",
                "time_series",
            ),
            unit="decbytes", draw="bars", stacked=True, smallest=0,
        ),
        series(
            "All captures over the nights", "Size of all files of all sessions of the chosen rigs up to each night.",
            Sql(
                f"""
SELECT {AT_NIGHT} AS "time", grown
FROM (
    SELECT night, sum(sum(size_bytes)) OVER (ORDER BY night)::double precision AS grown
    FROM stats.sessions WHERE {OF_RIGS} GROUP BY night
) nights
WHERE {NIGHTS}
ORDER BY 1
""",
                "time_series",
            ),
            unit="decbytes", smallest=0,
        ),
        bars(
            "Frames by type", "Scanned files by frame type.",
            Prom("max by (frame_type) (nightbus_frames)", "{{frame_type}}", instant=True), unit="locale",
        ),
        table(
            "Largest sessions", "The fifty largest of the chosen time and rigs.",
            Sql(
                f"""
SELECT night::text AS "Night", rig AS "Rig", size_bytes AS "Size", files AS "Files", session_id AS "Session"
FROM stats.sessions
WHERE {NIGHTS} AND {OF_RIGS}
ORDER BY size_bytes DESC, session_id LIMIT 50
"""
            ),
            width=12, height=8, columns=(Column("Size", "decbytes"), Column("Files", "locale")),
        ),
        Row("Sources"),
        stat(
            "Sources", "Whether each source can be read. A telescope that is switched off is away.",
            Prom("min by (source) (nightbus_source_reachable)", "{{source}}", instant=True), unit="none", width=12,
            height=6, mappings=[_REACHABLE], colors=thresholds((1, GREEN), base=YELLOW), text="value_and_name",
        ),
        bars(
            "Age of the last walk", "How long ago each source was last gone through completely.",
            Prom(
                "time() - max by (source) (nightbus_source_last_walk_timestamp_seconds > 0)", "{{source}}", instant=True
            ),
            unit="s", width=12, height=6,
        ),
        series(
            "Taken in", "Files of each source, by what became of them.",
            Prom(
                "sum by (source, outcome) (rate(nightbus_ingested_files_total[$__rate_interval]))",
                "{{source}} {{outcome}}",
            ),
            unit="cps", smallest=0,
        ),
        series(
            "Taken in, bytes", "Size of the new contents of each source.",
            Prom("sum by (source) (rate(nightbus_ingested_bytes_total[$__rate_interval]))", "{{source}}"), unit="Bps",
            smallest=0,
        ),
        table(
            "Not taken",
            "Files and folders of sources that could not be taken, the newest hundred; each walk tries again.",
            Sql(
                """
SELECT observed_at AS "Tried", source AS "Source", path AS "Path", reason AS "Reason"
FROM ingest.not_taken ORDER BY observed_at DESC LIMIT 100
"""
            ),
            columns=(Column("Tried", "dateTimeAsIso"),),
        ),
    ),
)  # fmt: skip
