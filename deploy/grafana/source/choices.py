"""The variables that restrict SQL panels to rigs, targets and filters, and the conditions that they make."""

from deploy.grafana.source.dashboard import NONE, Choice, chosen

RIG = Choice("rig", "Rig", "SELECT DISTINCT rig AS __value FROM stats.sessions ORDER BY 1")
TARGET = Choice(
    "target",
    "Target",
    f"""
SELECT catalog_id AS __value, concat_ws(' ', catalog_id, nullif(name, catalog_id)) AS __text FROM stats.captures
UNION ALL SELECT '{NONE}', 'no target' ORDER BY 1
""",
)
FILTER = Choice(
    "filter",
    "Filter",
    f"""
SELECT DISTINCT nullif(filter, '') AS __value, filter AS __text FROM stats.capture_filters WHERE filter <> ''
UNION ALL SELECT '{NONE}', 'no filter' ORDER BY 1
""",
)
NIGHTS = "$__timeFilter(night)"
"""Nights of the dashboard's time, the one in which it begins included."""
OF_RIGS = chosen("rig", RIG)
OF_EXPOSURES = f"""{NIGHTS}
  AND {OF_RIGS}
  AND {chosen("catalog_id", TARGET)}
  AND {chosen("filter", FILTER)}"""
"""Rows of ``stats.session_targets`` that were chosen."""
AT_NIGHT = "night + time '12:00'"
"""Where a night stands on the time axis: at noon UTC of its date, so that no time zone makes another day of it."""
