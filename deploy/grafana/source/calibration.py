"""Which lights have their masters, what is missing, and what the library of masters is like."""

from deploy.grafana.source.dashboard import Dashboard
from deploy.grafana.source.panels import RED, YELLOW, Column, Prom, Row, Sql, bars, series, stat, table, thresholds

_COUNTS = "FROM calibration.counts"
_TYPE = "lower(replace(master_type, 'MASTER_', ''))"

DASHBOARD = Dashboard(
    name="calibration",
    title="Calibration",
    description="Which lights have the masters that they need, what is missing and why, and what masters there are.",
    since="now-1y",
    panels=(
        stat(
            "Covered", "Share of all lights that have every master that they need, or need none.",
            Sql(
                "SELECT (lights_matched + lights_complete)::double precision / nullif(lights, 0)"
                f' AS "Covered" {_COUNTS}'
            ),
            unit="percentunit", colors=thresholds((0.5, YELLOW), (0.95, "green"), base=RED), decimals=1,
        ),
        stat(
            "Lights without a master", "Lights that lack one of the masters that they need.",
            Sql(f'SELECT lights_missing AS "Lights" {_COUNTS}'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Lights that wait", "Lights whose session or answer is not known yet.",
            Sql(f'SELECT lights_waiting AS "Lights" {_COUNTS}'), unit="locale",
        ),
        stat(
            "Missing masters", "Masters that sessions need and lack, each counted once for each session.",
            Sql(f'SELECT requirements_missing AS "Requirements" {_COUNTS}'), unit="locale",
            colors=thresholds((1, YELLOW)),
        ),
        stat("Masters", "Masters of the library.", Sql(f'SELECT masters AS "Masters" {_COUNTS}'), unit="locale"),
        stat(
            "Refused masters", "Masters that may not be used, by a test of their pixels or by a person.",
            Sql(f'SELECT masters_refused AS "Masters" {_COUNTS}'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        Row("What is missing"),
        table(
            "Missing by type and rig", "Masters that sessions of each rig need and lack, and their lights.",
            Sql(
                f"""
SELECT {_TYPE} AS "Type", session_rig AS "Rig", count(*) AS "Requirements",
       count(DISTINCT session_id) AS "Sessions", sum(lights)::bigint AS "Lights", sum(integration_s) AS "Integration",
       min(left(session_id, 8)::date)::text AS "First night", max(left(session_id, 8)::date)::text AS "Last night"
FROM calibration.requirements WHERE state = 'missing' GROUP BY 1, 2 ORDER BY "Lights" DESC, 1, 2
"""
            ),
            unit="locale", width=12, height=8, columns=(Column("Integration", "s"),),
        ),
        bars(
            "Lights without dark, flat or bias", "Lights that lack a master of each type.",
            Sql(
                f"""
SELECT {_TYPE} AS "Type", sum(lights)::bigint AS "Lights"
FROM calibration.requirements WHERE state = 'missing' GROUP BY 1 ORDER BY 1
"""
            ),
            unit="locale", width=12, height=8, colors=thresholds((1, YELLOW)),
        ),
        series(
            "Lights without a master by night", "Lights of each night that lack a master, by its type.",
            Sql(
                f"""
SELECT dusk AS "time", {_TYPE} AS metric, sum(lights)::bigint AS lights
FROM (SELECT left(session_id, 8)::date::timestamp AT TIME ZONE 'UTC' AS dusk, master_type, lights
      FROM calibration.requirements WHERE state = 'missing') missing
WHERE $__timeFilter(dusk)
GROUP BY 1, 2 ORDER BY 1, 2
""",
                "time_series",
            ),
            unit="locale", width=24, draw="bars", stacked=True, smallest=0,
        ),
        table(
            "To capture", "At most a hundred, most lights first; all of it is `nightbus calibration missing`.",
            Sql(
                f"""
SELECT {_TYPE} AS "Type", capture_words AS "What", capture_s AS "Takes", lights AS "Lights", sessions AS "Sessions",
       integration_s AS "Integration", array_to_string(rigs, ', ') AS "Rigs", last_night::text AS "Last night",
       requirement_id AS "Requirement"
FROM calibration.shopping ORDER BY lights DESC, master_type, requirement_id LIMIT 100
"""
            ),
            unit="locale", columns=(Column("Takes", "s"), Column("Integration", "s")),
        ),
        Row("Masters"),
        table(
            "Masters by type and camera", "How many, how old, and how many no light uses.",
            Sql(
                f"""
SELECT {_TYPE} AS "Type", camera AS "Camera", count(*) AS "Masters",
       count(*) FILTER (WHERE refused IS NOT NULL) AS "Refused", count(*) FILTER (WHERE lights = 0) AS "Unused",
       min(made_at) AS "Oldest", max(made_at) AS "Newest", sum(size_bytes)::bigint AS "Size"
FROM calibration.masters GROUP BY 1, 2 ORDER BY 1, 2
"""
            ),
            unit="locale", width=12, height=8,
            columns=(Column("Oldest", "dateTimeAsIso"), Column("Newest", "dateTimeAsIso"), Column("Size", "decbytes")),
        ),
        bars(
            "Masters by age", "How long ago masters were made, in years.",
            Sql(
                """
SELECT CASE age WHEN 0 THEN 'less than a year' WHEN 1 THEN 'one to two years' ELSE 'two years and more' END AS "Age",
       count(*) AS "Masters"
FROM (SELECT least(floor(extract(epoch FROM now() - made_at) / 31557600), 2)::integer AS age FROM calibration.masters) m
GROUP BY age ORDER BY age
"""
            ),
            unit="locale", width=12, height=8,
        ),
        table(
            "Refused", "Masters that may not be used, and why; at most a hundred.",
            Sql(
                f"""
SELECT {_TYPE} AS "Type", name AS "Name", refused_by AS "By", refused AS "Why", made_at AS "Made"
FROM calibration.masters WHERE refused IS NOT NULL ORDER BY made_at DESC, file_id LIMIT 100
"""
            ),
            width=12, columns=(Column("Made", "dateTimeAsIso"),),
        ),
        table(
            "Builds that failed", "Sets whose last build of a master failed; `nightbus calibration build` tries again.",
            Sql(
                f"""
SELECT set_no AS "Set", {_TYPE} AS "Type", reason AS "Why", created_at AS "Asked"
FROM (SELECT DISTINCT ON (set_no) set_no, master_type, state, reason, created_at
      FROM calibration.build_progress ORDER BY set_no, created_at DESC) b
WHERE state IN ('failed', 'dead') ORDER BY created_at DESC LIMIT 100
"""
            ),
            width=12, unit="none", columns=(Column("Asked", "dateTimeAsIso"),),
        ),
        bars(
            "Sets of raw frames", "Sets by how far each is from a master.",
            Sql('SELECT state AS "State", count(*) AS "Sets" FROM calibration.sets GROUP BY 1 ORDER BY 1'),
            unit="locale", width=12, height=8,
        ),
        series(
            "Lights over time", "Lights by whether they have the masters that they need.",
            Prom("max by (calibration) (nightbus_calibration_lights)", "{{calibration}}"), unit="locale", smallest=0,
        ),
    ),
)  # fmt: skip
