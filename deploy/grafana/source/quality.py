"""How good it was: widths, stars and sky over the nights, and the newest frames."""

from deploy.grafana.source.choices import AT_NIGHT, FILTER, NIGHTS, OF_EXPOSURES, RIG, TARGET
from deploy.grafana.source.dashboard import Dashboard, chosen
from deploy.grafana.source.panels import BLUE, Column, Panel, Prom, Row, Sql, series, stat, table, thresholds

ADU = "suffix: ADU"


def _mean(name: str) -> str:
    return f"sum({name}_sum) / nullif(sum({name}_exposures), 0)"


def _of_all(title: str, description: str, value: str, unit: str, decimals: int) -> Panel:
    query = Sql(f'SELECT {value} AS "{title}"\nFROM stats.session_targets\nWHERE {OF_EXPOSURES}')
    return stat(title, description, query, unit=unit, decimals=decimals)


def _over_nights(title: str, description: str, name: str, unit: str, by: str = "rig") -> Panel:
    query = f"""
SELECT {AT_NIGHT} AS "time", {by} AS metric, {_mean(name)} AS {name}
FROM stats.session_targets
WHERE {OF_EXPOSURES} AND {name}_exposures > 0
GROUP BY night, 2 ORDER BY 1, 2
"""
    return series(title, description, Sql(query, "time_series"), unit=unit, draw="points")


_FRAMES = f"""
{NIGHTS} AND frame_type = 'LIGHT' AND counted
  AND {chosen("rig", RIG)}
  AND {chosen("catalog_id", TARGET)}
  AND {chosen("filter", FILTER)}""".strip()


def _one_by_one(title: str, description: str, name: str, unit: str) -> Panel:
    query = f"""
SELECT "time", metric, {name}
FROM (
    SELECT observed_at AS "time", concat_ws(' ', rig, filter) AS metric, {name}
    FROM stats.files
    WHERE {_FRAMES} AND observed_at IS NOT NULL AND {name} IS NOT NULL
    ORDER BY night DESC, observed_at DESC LIMIT 2000
) newest
ORDER BY 1, 2
"""
    return series(title, description, Sql(query, "time_series"), unit=unit, draw="points")


DASHBOARD = Dashboard(
    name="quality",
    title="Quality",
    description="Widths, stars and sky of LIGHT exposures over the nights. Values are means over exposures of what the "
    "scanner measured on each.",
    since="now-90d",
    choices=(RIG, TARGET, FILTER),
    panels=(
        _of_all(
            "Mean FWHM", "Mean over exposures of the median FWHM of their stars, where the scale is known.",
            _mean("fwhm_arcsec"), "arcsec", 2,
        ),
        _of_all("Best FWHM", "Least median FWHM of an exposure.", "min(best_fwhm_arcsec)", "arcsec", 2),
        _of_all(
            "Mean FWHM, pixels", "Mean over exposures of the median FWHM of their stars.", _mean("fwhm_px"), "pixel", 2,
        ),
        _of_all(
            "Mean number of stars", "Mean over exposures of the stars that were found.", _mean("star_count"), "locale",
            0,
        ),
        _of_all("Mean sky level", "Mean over exposures of the median sky level.", _mean("background_adu"), ADU, 0),
        _of_all(
            "Measured", "Share of the exposures whose stars were measured.",
            "sum(star_count_exposures)::double precision / nullif(sum(exposures), 0)", "percentunit", 0,
        ),
        Row("Over the nights"),
        _over_nights(
            "FWHM by night and rig", "Mean over the night's exposures of their median FWHM, where the scale is known.",
            "fwhm_arcsec", "arcsec",
        ),
        _over_nights(
            "FWHM in pixels by night and rig", "The same in pixels, which every measured exposure has.", "fwhm_px",
            "pixel",
        ),
        _over_nights(
            "Stars by night and rig", "Mean number of stars of the night's exposures. It depends on the target and the "
            "filter: choose one of each to compare nights.", "star_count", "locale",
        ),
        _over_nights(
            "Sky level by night, rig and filter",
            "Mean of the night's median sky levels. It depends on the exposure time and the gain as well.",
            "background_adu", ADU, by="concat_ws(' ', rig, filter)",
        ),
        table(
            "Nights", "The newest 300 nights of the chosen time, by rig and filter.",
            Sql(
                f"""
SELECT night::text AS "Night", rig AS "Rig", coalesce(filter, 'no filter') AS "Filter", sum(exposures) AS "Exposures",
       {_mean("fwhm_arcsec")} AS "FWHM", min(best_fwhm_arcsec) AS "Best FWHM", {_mean("fwhm_px")} AS "FWHM, pixels",
       {_mean("star_count")} AS "Stars", {_mean("background_adu")} AS "Sky level"
FROM stats.session_targets
WHERE {OF_EXPOSURES}
GROUP BY night, rig, filter ORDER BY night DESC, rig, 3 LIMIT 300
"""
            ),
            columns=(
                Column("Exposures", "locale"), Column("FWHM", "arcsec", {"decimals": 2}),
                Column("Best FWHM", "arcsec", {"decimals": 2}), Column("FWHM, pixels", "pixel", {"decimals": 2}),
                Column("Stars", "locale", {"decimals": 0}), Column("Sky level", ADU, {"decimals": 0}),
            ),
        ),
        Row("Exposure by exposure"),
        _one_by_one(
            "FWHM of each exposure", "Median FWHM of the newest 2,000 measured exposures of the chosen time.",
            "fwhm_arcsec", "arcsec",
        ),
        _one_by_one(
            "Stars of each exposure", "Stars of the newest 2,000 measured exposures of the chosen time.", "star_count",
            "locale",
        ),
        Row("As it happens"),
        series(
            "FWHM of the newest frame", "Median FWHM of each rig's newest frame, as Prometheus saw it.",
            Prom("max by (rig) (nightbus_newest_frame_fwhm_arcseconds)", "{{rig}}"), unit="arcsec", smallest=0,
        ),
        series(
            "Stars of the newest frame", "Stars of each rig's newest frame, as Prometheus saw it.",
            Prom("max by (rig) (nightbus_newest_frame_stars)", "{{rig}}"), unit="locale", smallest=0,
        ),
        stat(
            "Age of the newest frame", "How long ago the newest frame of each rig was begun.",
            Prom("time() - max by (rig) (nightbus_newest_frame_timestamp_seconds)", "{{rig}}", instant=True), unit="s",
            width=12, colors=thresholds(base=BLUE), text="value_and_name",
        ),
        table(
            "Newest frame", "What each rig captured last.",
            Sql(
                """
SELECT rig AS "Rig", observed_at AS "Begun", coalesce(name, catalog_id, object_name) AS "Target", filter AS "Filter",
       exposure_s AS "Exposure", fwhm_arcsec AS "FWHM", star_count AS "Stars"
FROM stats.newest_frames ORDER BY observed_at DESC
"""
            ),
            width=12, height=8,
            columns=(
                Column("Begun", "dateTimeAsIso"), Column("Exposure", "s"), Column("FWHM", "arcsec", {"decimals": 2}),
                Column("Stars", "locale"),
            ),
        ),
    ),
)  # fmt: skip
