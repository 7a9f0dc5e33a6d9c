"""`equipment`: the cameras, telescopes, filters and rigs that Nightbus knows, yours first. Works offline."""

import fnmatch
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.connection import wait_for
from services.cli.filters import CsvOption, JsonOption
from services.cli.layout import Column
from services.cli.lazy import group
from services.cli.output import Format, Row, chosen_format, fixed, print_table, write_csv, write_json
from services.cli.usage import help_alone, named_thing

if TYPE_CHECKING:
    from services.scanner.knowledge import Knowledge

app = group(help="Cameras, telescopes, filters and rigs: the built-in tables, with yours in front.")
app.callback(invoke_without_command=True)(help_alone)

_SPARE = {"kind": 5, "brand": 4}

NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", parser=named_thing, metavar="NAME", help="Name or alias; * is any text, case is ignored."),
]
OwnOption = Annotated[bool, typer.Option("--own", help="Only what nightbus.toml and N.I.N.A. profiles add.")]

CAMERA_COLUMNS = (
    "name", "brand", "kind", "sensor", "pixel_size_um", "width_px", "height_px", "colour", "bayer_pattern", "aliases",
    "relatives", "origin",
)  # fmt: skip
TELESCOPE_COLUMNS = ("name", "brand", "kind", "aperture_mm", "focal_length_mm", "aliases", "origin")
FILTER_COLUMNS = ("name", "kind", "aliases", "origin")
RIG_COLUMNS = (
    "name", "aliases", "camera", "width_px", "height_px", "telescope", "focal_length_mm", "focal_length_tolerance",
    "focal_ratio", "filters", "wheel", "origin",
)  # fmt: skip


@app.command("cameras")
def cameras(
    names: NameOption = None, own: OwnOption = False, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List cameras: sensor, pixel size, frame size, colour."""
    rows = _chosen(_known().equipment().cameras.rows, names, own=own)
    columns = (
        *_text("name", "brand", "kind", "sensor"),
        Column("pixel µm", lambda row: fixed(row["pixel_size_um"], 2), "right"),
        Column("frame", _frame, "right", spare=2),
        *_text("colour"),
        Column("bayer", lambda row: row["bayer_pattern"], spare=3),
        *_text("origin"),
    )
    _show(rows, CAMERA_COLUMNS, columns, chosen_format(as_json=as_json, as_csv=as_csv))


@app.command("telescopes")
def telescopes(
    names: NameOption = None, own: OwnOption = False, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List telescopes and lenses: aperture and native focal length."""
    rows = _chosen(_known().equipment().telescopes.rows, names, own=own)
    columns = (
        *_text("name", "brand", "kind"),
        Column("aperture mm", lambda row: _short(row["aperture_mm"]), "right"),
        Column("focal length mm", lambda row: _short(row["focal_length_mm"]), "right"),
        Column("ratio", _ratio, "right"),
        *_text("origin"),
    )
    _show(rows, TELESCOPE_COLUMNS, columns, chosen_format(as_json=as_json, as_csv=as_csv))


@app.command("filters")
def filters(
    names: NameOption = None, own: OwnOption = False, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List canonical filter names and what they replace."""
    from services.scanner.knowledge import OWN
    from shared.equipment.filters import rows as filter_rows

    rows = _chosen(filter_rows(_known().filters, OWN), names, own=own)
    columns = (*_text("name", "kind"), Column("also called", _aliases, fold=True), *_text("origin"))
    _show(rows, FILTER_COLUMNS, columns, chosen_format(as_json=as_json, as_csv=as_csv))


@app.command("rigs")
def rigs(names: NameOption = None, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """List the rigs of nightbus.toml and of N.I.N.A. profiles; others are named after their headers."""
    rows = _chosen(_known().rigs, names, own=False)
    columns = (
        *_text("name", "camera", "telescope"),
        Column("focal length mm", lambda row: _short(row["focal_length_mm"]), "right"),
        Column("ratio", lambda row: _short(row["focal_ratio"]), "right"),
        Column("filters", _filters, fold=True),
        Column("also called", _aliases, fold=True),
        *_text("origin"),
    )
    _show(rows, RIG_COLUMNS, columns, chosen_format(as_json=as_json, as_csv=as_csv))


def _known() -> "Knowledge":
    """What the settings add to the tables."""
    from services.scanner.knowledge import Knowledge
    from services.settings import load_settings

    return Knowledge.of(load_settings())


def _chosen(found: Iterable[Any], names: list[str] | None, *, own: bool) -> list[Row]:
    from shared.equipment.tables import BUILT_IN

    rows: list[Row] = [asdict(one) for one in found]
    if own:
        rows = [row for row in rows if row["origin"] != BUILT_IN]
    if names:
        patterns = [pattern.lower() for pattern in names]
        rows = [row for row in rows if _is_called(row, patterns)]
    return rows


def _is_called(row: Row, patterns: Sequence[str]) -> bool:
    known = [name.lower() for name in (row["name"], *row["aliases"])]
    return any(fnmatch.fnmatchcase(name, pattern) for name in known for pattern in patterns)


def _show(rows: Sequence[Row], keys: Sequence[str], columns: Sequence[Column], output: Format) -> None:
    if output is Format.TABLE:
        print_table(rows, columns)
        return
    full = [{key: row[key] for key in keys} for row in rows]
    wait_for(write_json(_each(full)) if output is Format.JSON else write_csv(_each(full), keys))


async def _each(rows: Iterable[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


def _text(*keys: str) -> tuple[Column, ...]:
    """Columns of text; only names take several lines, and brand and kind are spared where the terminal is narrow."""
    return tuple(
        Column(key, lambda row, key=key: row[key] or None, fold=key == "name", spare=_SPARE.get(key, 0))  # type: ignore[misc]
        for key in keys
    )


def _frame(row: Row) -> str | None:
    return f"{row['width_px']} x {row['height_px']}" if row["width_px"] and row["height_px"] else None


def _ratio(row: Row) -> str | None:
    aperture, focal = row["aperture_mm"], row["focal_length_mm"]
    return f"f/{focal / aperture:.1f}" if aperture and focal else None


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _aliases(row: Row) -> str:
    return ", ".join(row["aliases"])


def _filters(row: Row) -> str:
    return ", ".join([*(f"{raw} = {name}" for raw, name in row["filters"]), *row["wheel"]])
