"""`calibration describe`: supply what the header of a calibration frame has lost."""

from datetime import date
from typing import Annotated

import typer

from services.cli.calibration.columns import ID_DIGITS
from services.cli.calibration.decide import asked, made
from services.cli.calibration.options import day, degrees, frame_id, number, seconds
from services.cli.connection import HomeOption, find_stack, reader, wait_for
from services.cli.match import LinesOption
from services.cli.output import to_json
from services.cli.usage import WrongUsage, named_thing
from shared import inert

FrameArgument = Annotated[
    str,
    typer.Argument(
        metavar="FRAME", parser=named_thing, help="Id of a calibration frame (6 digits or more), or its file's name."
    ),
]
CameraOption = Annotated[str | None, typer.Option("--camera", parser=named_thing, metavar="NAME", help="Camera.")]
TelescopeOption = Annotated[
    str | None, typer.Option("--telescope", parser=named_thing, metavar="NAME", help="Telescope.")
]
ExposureOption = Annotated[
    float | None, typer.Option("--exposure", parser=seconds, metavar="SECONDS", help="Length of one exposure.")
]
GainOption = Annotated[float | None, typer.Option("--gain", parser=number, metavar="GAIN", help="Gain setting.")]
OffsetOption = Annotated[
    float | None, typer.Option("--offset", parser=number, metavar="OFFSET", help="Offset setting.")
]
TemperatureOption = Annotated[
    float | None, typer.Option("--temperature", parser=degrees, metavar="C", help="Set temperature, degrees Celsius.")
]
FilterOption = Annotated[str | None, typer.Option("--filter", parser=named_thing, metavar="NAME", help="Filter.")]
BinningOption = Annotated[int | None, typer.Option("--binning", metavar="N", min=1, max=16, help="Binning.")]
ModeOption = Annotated[
    str | None, typer.Option("--readout-mode", parser=named_thing, metavar="NAME", help="Readout mode.")
]
NightOption = Annotated[
    date | None, typer.Option("--night", parser=day, metavar="NIGHT", help="Night of a flat, YYYY-MM-DD.")
]
AngleOption = Annotated[
    float | None, typer.Option("--rotator", parser=number, metavar="DEGREES", help="Angle of the rotator.")
]
WithdrawOption = Annotated[
    list[str] | None,
    typer.Option("--withdraw", parser=named_thing, metavar="NAME", help="Take back what was supplied, such as gain."),
]
_WORDS = {
    "exposure": "exposure_s", "temperature": "set_temp_c", "binning": "x_binning", "readout-mode": "readout_mode",
    "rotator": "rotator_angle_deg",
}  # fmt: skip
"""Properties by the names of their options, where these differ."""


def describe(
    frame: FrameArgument,
    camera: CameraOption = None,
    telescope: TelescopeOption = None,
    exposure: ExposureOption = None,
    gain: GainOption = None,
    offset: OffsetOption = None,
    temperature: TemperatureOption = None,
    filter_name: FilterOption = None,
    binning: BinningOption = None,
    readout_mode: ModeOption = None,
    night: NightOption = None,
    rotator: AngleOption = None,
    withdraw: WithdrawOption = None,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Say what a calibration frame is like where its header has lost it; that counts before the header."""
    from shared.events.calibration_commands import DescribeFrame, FrameDescribed, Supplied

    known = {
        "camera": camera, "telescope": telescope, "exposure_s": exposure, "gain": gain, "offset": offset,
        "set_temp_c": temperature, "filter": filter_name, "x_binning": binning, "readout_mode": readout_mode,
        "night": night, "rotator_angle_deg": rotator,
    }  # fmt: skip
    withdrawn = [_WORDS.get(name, name) for name in withdraw or ()]
    if not withdrawn and all(value is None for value in known.values()):
        raise WrongUsage("say what the frame is like, such as --exposure 300, or --withdraw NAME")
    if unknown := [name for name in withdrawn if name not in Supplied.model_fields]:
        raise WrongUsage(f"--withdraw wants one of {', '.join(Supplied.model_fields)}, not {inert.name(unknown[0])}")
    supplied = made(Supplied, **known)
    stack = find_stack(home)

    async def work() -> tuple[str, FrameDescribed]:
        async with reader(stack) as connection:
            file_id = await frame_id(connection, frame, view="frames")
        command = made(DescribeFrame, file_id=file_id, supplied=supplied, withdrawn=withdrawn)
        return file_id, await asked(stack, command, FrameDescribed)

    file_id, done = wait_for(work())
    now = done.supplied.model_dump(mode="json", exclude_none=True)
    if as_json:
        print(to_json({"file_id": file_id, "supplied": now}))
        return
    words = ", ".join(f"{name} {inert.name(str(value))}" for name, value in now.items())
    print(f"{file_id[:ID_DIGITS]}: {f'supplied: {words}' if words else 'nothing is supplied, its header counts'}")
