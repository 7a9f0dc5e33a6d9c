"""`calibration train-changed`: days on which a rig's optical train was changed, which no flat is used across."""

from datetime import date
from typing import Annotated

import typer

from services.cli.calibration.decide import asked, made
from services.cli.calibration.options import day
from services.cli.connection import HomeOption, find_stack, wait_for
from services.cli.filters import CsvOption, JsonOption
from services.cli.layout import Column
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import chosen_format
from services.cli.usage import WrongUsage, named_thing
from shared import inert

RigArgument = Annotated[
    str | None, typer.Argument(metavar="RIG", parser=named_thing, help="Name of the rig; without it they are listed.")
]
DayOption = Annotated[
    date | None,
    typer.Option("--date", parser=day, metavar="DATE", help="Day of the change, YYYY-MM-DD; its night is after it."),
]
UndoOption = Annotated[bool, typer.Option("--undo", help="Take the record of that day back.")]
_QUERY = Query("SELECT rig, changed_on, person, recorded_at FROM calibration.train_changes")


def train_changed(
    rig: RigArgument = None,
    on: DayOption = None,
    undo: UndoOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """Record that a rig's camera was turned or its optics changed: no flat is used across that. Or list such days."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    if rig is None:
        if on is not None or undo:
            raise WrongUsage("say which rig")
        show_listing(find_stack(home), Listing(_QUERY, "rig, changed_on", _COLUMNS, "change"), output, None)
        return
    if on is None or as_json or as_csv:
        raise WrongUsage(
            "say --date of the change" if on is None else "--json and --csv are for the list, without a rig"
        )
    from shared.events.calibration_commands import RecordTrainChange, TrainChangeRecorded

    command = made(RecordTrainChange, rig=rig, changed_on=on, undo=undo)
    done = wait_for(asked(find_stack(home), command, TrainChangeRecorded))
    what = f"the change of {inert.name(rig)} on {on}"
    state = "is recorded no more" if undo else "is recorded: no flat is used across it"
    print(
        f"{what} {state}" if done.changed else f"nothing changed: {what} {'was not' if undo else 'was'} recorded before"
    )


_COLUMNS = (
    Column("rig", lambda row: row["rig"], fold=True),
    Column("changed on", lambda row: row["changed_on"]),
    Column("by", lambda row: row["person"]),
    Column("recorded (UTC)", lambda row: row["recorded_at"]),
)
