"""What was captured: integration by target, filter, rig and night."""

from deploy.grafana.source.choices import AT_NIGHT, FILTER, NIGHTS, OF_EXPOSURES, OF_RIGS, RIG, TARGET
from deploy.grafana.source.dashboard import Dashboard
from deploy.grafana.source.panels import BLUE, GREEN, Column, Sql, bar_chart, bars, series, stat, table, thresholds

HOURS = "suffix: h"
_LEAST_INTEGRATION_H = ((0.001, "light-green"), (2, "semi-dark-green"), (5, "dark-green"))


def _sum(what: str, name: str) -> Sql:
    return Sql(f'SELECT {what} AS "{name}"\nFROM stats.session_targets\nWHERE {OF_EXPOSURES}')


_DAYS = ",\n       ".join(
    f"sum(hours) FILTER (WHERE day = {day}) AS \"{day}\"" for day in range(1, 32)
)  # fmt: skip

DASHBOARD = Dashboard(
    name="captures",
    title="Captures",
    description="Integration by target, filter, rig and night. What counts is LIGHT exposures, each once.",
    since="now-1y",
    choices=(RIG, TARGET, FILTER),
    panels=(
        stat(
            "Integration", "Sum of the LIGHT exposures, each counted once, however many files it lies in.",
            _sum("sum(integration_s) / 3600", "Integration"), unit=HOURS, decimals=1,
        ),
        stat("Exposures", "LIGHT exposures, each counted once.", _sum("sum(exposures)", "Exposures"), unit="locale"),
        stat(
            "Nights", "Nights with at least one exposure. A night is the local date of the noon before.",
            _sum("count(DISTINCT night)", "Nights"), unit="locale",
        ),
        stat(
            "Targets", "Targets with at least one exposure.", _sum("count(DISTINCT catalog_id)", "Targets"),
            unit="locale",
        ),
        stat(
            "Targets to decide",
            "Exposures whose target a person should decide: `nightbus files --uncertain` lists them.",
            _sum("coalesce(sum(uncertain_frames), 0)", "Exposures"), unit="locale", colors=thresholds((1, "yellow")),
        ),
        stat(
            "Without a target", "Exposures of which no target was found.",
            _sum("coalesce(sum(exposures) FILTER (WHERE catalog_id IS NULL), 0)", "Exposures"), unit="locale",
            colors=thresholds((1, "yellow")),
        ),
        series(
            "Integration by night and rig", "Hours of LIGHT exposures of each night, one bar for each rig.",
            Sql(
                f"""
SELECT {AT_NIGHT} AS "time", rig AS metric, sum(integration_s) / 3600 AS integration
FROM stats.session_targets
WHERE {OF_EXPOSURES}
GROUP BY night, rig ORDER BY 1, 2
""",
                "time_series",
            ),
            unit=HOURS, width=24, draw="bars", stacked=True, smallest=0,
        ),
        table(
            "Nights calendar",
            "Hours of integration of each night: a row is a month, a column a day. A night is the local date of the "
            "noon before.",
            Sql(
                f"""
WITH nights AS (
    SELECT to_char(night, 'YYYY-MM') AS month, extract(day FROM night) AS day, sum(integration_s) / 3600 AS hours
    FROM stats.session_targets
    WHERE {OF_EXPOSURES}
    GROUP BY night
)
SELECT month AS "Month",
       {_DAYS},
       count(*) AS "Nights",
       sum(hours) AS "Hours"
FROM nights
GROUP BY month ORDER BY month DESC
"""
            ),
            unit=HOURS,
            defaults={
                "decimals": 1, "noValue": "", "thresholds": thresholds(*_LEAST_INTEGRATION_H, base="transparent"),
                "custom": {
                    "align": "center", "cellOptions": {"type": "color-background", "mode": "basic"}, "minWidth": 44,
                },
            },
            columns=(
                Column("Month", cell={"custom.cellOptions": {"type": "auto"}, "custom.minWidth": 80}),
                Column("Nights", "none", {"custom.cellOptions": {"type": "auto"}, "decimals": 0}),
                Column("Hours", HOURS, {"custom.cellOptions": {"type": "auto"}}),
            ),
        ),
        bar_chart(
            "Integration by target and filter", "Hours of the twenty targets with most, by filter.",
            Sql(
                f"""
WITH chosen AS (
    SELECT coalesce(catalog_id, 'no target') AS target, coalesce(filter, 'no filter') AS filter,
           sum(integration_s) / 3600 AS hours
    FROM stats.session_targets
    WHERE {OF_EXPOSURES}
    GROUP BY 1, 2
), most AS (
    SELECT target, sum(hours) AS hours FROM chosen GROUP BY target ORDER BY hours DESC, target LIMIT 20
)
SELECT c.target, c.filter, c.hours
FROM most m JOIN chosen c ON c.target = m.target
ORDER BY m.hours DESC, c.target, c.filter
"""
            ),
            unit=HOURS, row="target", column="filter", value="hours",
        ),
        bars(
            "Integration by rig", "Hours of LIGHT exposures of each rig.",
            Sql(
                f"""
SELECT rig, sum(integration_s) / 3600 AS integration
FROM stats.session_targets
WHERE {OF_EXPOSURES}
GROUP BY rig ORDER BY 2 DESC, 1 LIMIT 20
"""
            ),
            unit=HOURS, colors=thresholds(base=BLUE),
        ),
        bars(
            "Integration by filter", "Hours of LIGHT exposures in each filter.",
            Sql(
                f"""
SELECT coalesce(filter, 'no filter') AS filter, sum(integration_s) / 3600 AS integration
FROM stats.session_targets
WHERE {OF_EXPOSURES}
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""
            ),
            unit=HOURS, colors=thresholds(base=GREEN),
        ),
        table(
            "Targets", "What each target has within the chosen time, rigs and filters; at most 500 targets.",
            Sql(
                f"""
WITH chosen AS (
    SELECT catalog_id, sum(integration_s) / 3600 AS hours, sum(exposures) AS exposures,
           count(DISTINCT session_id) AS sessions, min(night) AS first_night, max(night) AS last_night,
           min(best_fwhm_arcsec) AS best_fwhm_arcsec, sum(uncertain_frames) AS to_decide
    FROM stats.session_targets
    WHERE {OF_EXPOSURES}
    GROUP BY catalog_id ORDER BY 2 DESC, 1 LIMIT 500
)
SELECT coalesce(c.catalog_id, 'no target') AS "Target", t.name AS "Name", c.hours AS "Integration",
       c.exposures AS "Exposures", c.sessions AS "Sessions", c.first_night::text AS "First night",
       c.last_night::text AS "Last night", c.best_fwhm_arcsec AS "Best FWHM", c.to_decide AS "To decide"
FROM chosen c LEFT JOIN stats.captures t ON t.catalog_id = c.catalog_id
ORDER BY c.hours DESC, 1
"""
            ),
            columns=(
                Column("Integration", HOURS, {"decimals": 1}), Column("Exposures", "locale"),
                Column("Sessions", "locale"), Column("Best FWHM", "arcsec", {"decimals": 2}),
                Column("To decide", "locale"),
            ),
        ),
        table(
            "Sessions", "One night of one rig: the newest 200 of the chosen time and rigs, with all their files.",
            Sql(
                f"""
SELECT night::text AS "Night", rig AS "Rig", state AS "State", array_to_string(catalog_ids, ', ') AS "Targets",
       integration_s / 3600 AS "Integration", exposures AS "Exposures", files AS "Files", size_bytes AS "Size",
       session_id AS "Session"
FROM stats.sessions
WHERE {NIGHTS} AND {OF_RIGS}
ORDER BY night DESC, session_id DESC LIMIT 200
"""
            ),
            columns=(
                Column("Integration", HOURS, {"decimals": 1}), Column("Exposures", "locale"), Column("Files", "locale"),
                Column("Size", "decbytes"),
            ),
        ),
    ),
)  # fmt: skip
