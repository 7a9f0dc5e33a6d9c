"""`calibration plan`: a wanted dark library, compared with the masters that there are."""

import asyncio
from typing import Annotated, Any

import typer

from services.cli.calibration.columns import number_column
from services.cli.calibration.decide import asked, made
from services.cli.calibration.options import degrees, number, seconds
from services.cli.connection import HomeOption, find_stack, wait_for
from services.cli.filters import CsvOption, JsonOption
from services.cli.layout import Column
from services.cli.output import Format, Row, chosen_format, counted, print_table, write_csv, write_json
from services.cli.usage import WrongUsage, named_thing
from shared.quantities import duration

CameraOption = Annotated[
    str | None,
    typer.Option("--camera", parser=named_thing, metavar="NAME", help="Camera; without it the [[dark_libraries]]."),
]
ExposureOption = Annotated[
    list[float] | None, typer.Option("--exposure", parser=seconds, metavar="SECONDS", help="Exposures that you want.")
]
GainOption = Annotated[
    list[float] | None, typer.Option("--gain", parser=number, metavar="GAIN", help="Gains; without it whatever gain.")
]
TemperatureOption = Annotated[
    list[float] | None,
    typer.Option("--temperature", parser=degrees, metavar="C", help="Set temperatures, degrees Celsius."),
]
OffsetOption = Annotated[float | None, typer.Option("--offset", parser=number, metavar="OFFSET", help="Offset.")]
BinningOption = Annotated[int | None, typer.Option("--binning", metavar="N", min=1, max=16, help="Binning.")]


def plan(
    camera: CameraOption = None,
    exposure: ExposureOption = None,
    gain: GainOption = None,
    temperature: TemperatureOption = None,
    offset: OffsetOption = None,
    binning: BinningOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """Compare a dark library that you want with the masters that there are: what exists, and what to capture.

    Every exposure with every gain and every temperature, of the options or of [[dark_libraries]] in the settings.
    """
    from shared.events.calibration_commands import DarkLibrary, DarksPlanned, PlanDarks

    output = chosen_format(as_json=as_json, as_csv=as_csv)
    if (camera is None) is not (not exposure) or (camera is None and (gain or temperature or offset or binning)):
        raise WrongUsage("say --camera and --exposure, or neither: then [[dark_libraries]] of the settings count")
    wanted: tuple[DarkLibrary, ...] = ()
    if camera is not None:
        wanted = (
            made(
                DarkLibrary, camera=camera, exposures_s=tuple(exposure or ()), gains=tuple(gain or ()),
                set_temps_c=tuple(temperature or ()), offset=offset, x_binning=binning,
            ),
        )  # fmt: skip
    found = wait_for(asked(find_stack(home), PlanDarks(libraries=wanted), DarksPlanned))
    rows = [one.model_dump(mode="json") for one in found.darks]
    if output is Format.TABLE:
        print_table(rows, _COLUMNS)
        print(_summary(rows))
        return
    asyncio.run(_write(rows, output))


async def _write(rows: list[dict[str, Any]], output: Format) -> None:
    async def each() -> Any:
        for row in rows:
            yield row

    if output is Format.JSON:
        await write_json(each())
    else:
        await write_csv(each(), list(rows[0]))


def _summary(rows: list[dict[str, Any]]) -> str:
    lacking = [row for row in rows if row["master_file_id"] is None]
    text = f"{len(rows) - len(lacking)} of {counted(len(rows), 'dark')} {'exists' if len(rows) == 1 else 'exist'}"
    total_s = sum(row["total_s"] or 0.0 for row in lacking)
    return f"{text}; what is missing takes {duration(total_s)}" if lacking else text


def _state(row: Row) -> str:
    return "missing" if row["master_file_id"] is None else "exists"


_COLUMNS = (
    Column("camera", lambda row: row["camera"], fold=True),
    number_column("exposure_s", "exposure (s)"),
    number_column("gain", "gain"),
    number_column("set_temp_c", "temp. (C)"),
    Column("state", _state),
    Column("because, or what to do", lambda row: row["sentence"], fold=True, below=True),
)
