"""`latest`: the newest frame of each rig: what the night is doing."""

from services.cli.connection import HomeOption, find_stack
from services.cli.filters import CsvOption, JsonOption
from services.cli.layout import Column
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import Row, chosen_format, fixed
from shared.proper_name import proper_name
from shared.quantities import age

_QUERY = """
SELECT rig, observed_at, extract(epoch FROM now() - observed_at)::double precision AS age_s, night, session_id,
       catalog_id, name, object_name, filter, exposure_s, fwhm_px, fwhm_arcsec, star_count, eccentricity,
       background_adu, arrived_at, file_id
FROM stats.newest_frames
"""
_ORDER = "observed_at DESC, rig"


def latest(as_json: JsonOption = False, as_csv: CsvOption = False, home: HomeOption = None) -> None:
    """Show the newest LIGHT frame of each rig, with its age, target, filter, FWHM and stars; latest first."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    show_listing(find_stack(home), Listing(Query(_QUERY), _ORDER, _COLUMNS, "frame"), output, None)


def _target(row: Row) -> str | None:
    """The target and its name; in brackets an OBJECT that is none that is known."""
    if row["catalog_id"]:
        name = proper_name(row["catalog_id"], row["name"])
        return f"{row['catalog_id']} {name}" if name else str(row["catalog_id"])
    return f"({row['object_name']})" if row["object_name"] else None


def _fwhm(row: Row) -> str | None:
    """In arcseconds, where the scale of the image is known, else in pixels."""
    if row["fwhm_arcsec"] is not None:
        return f'{fixed(row["fwhm_arcsec"], 2)}"'
    return None if row["fwhm_px"] is None else f"{fixed(row['fwhm_px'], 2)} px"


_COLUMNS = (
    Column("rig", lambda row: row["rig"], fold=True),
    Column("begun (UTC)", lambda row: row["observed_at"]),
    Column("age", lambda row: age(row["age_s"]), "right"),
    Column("target", _target, fold=True, least=12),
    Column("filter", lambda row: row["filter"], fold=True),
    Column("exposure", lambda row: None if row["exposure_s"] is None else f"{row['exposure_s']:g} s", "right", spare=1),
    Column("FWHM", _fwhm, "right"),
    Column("stars", lambda row: row["star_count"], "right"),
)
