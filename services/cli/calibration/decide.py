"""`calibration assign`, `unassign`, `refuse` and `check`: what a person decides about masters."""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from services.cli.calibration.columns import ID_DIGITS
from services.cli.calibration.options import MasterArgument, RequirementOption, SessionArgument, frame_id
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.output import counted
from services.cli.usage import WrongUsage, spoken_reason

if TYPE_CHECKING:
    from shared.events.base import Model
    from shared.events.command import Command, Reply

C = TypeVar("C", bound="Model")
R = TypeVar("R", bound="Reply")

ReasonOption = Annotated[
    str | None, typer.Option("--reason", parser=spoken_reason, metavar="TEXT", help="Why; kept with the master.")
]
UndoOption = Annotated[bool, typer.Option("--undo", help="Use it again.")]


def assign(
    session: SessionArgument, master: MasterArgument, requirement: RequirementOption = None, home: HomeOption = None
) -> None:
    """Choose a master for a session, whatever else fits; `calibration why` lists what there is."""
    from shared.events.calibration_commands import AssignMaster, RequirementsChanged

    stack = find_stack(home)
    file_id = wait_for(_master(stack, master))
    command = made(AssignMaster, session_id=session, master_file_id=file_id, requirement_id=requirement)
    done = wait_for(asked(stack, command, RequirementsChanged))
    print(f"{', '.join(done.requirement_ids)} of {session} is met by {file_id[:ID_DIGITS]} from now on")


def unassign(session: SessionArgument, requirement: RequirementOption = None, home: HomeOption = None) -> None:
    """Take chosen masters of a session back: what fits best counts again."""
    from shared.events.calibration_commands import RequirementsChanged, UnassignMaster

    command = made(UnassignMaster, session_id=session, requirement_id=requirement)
    done = wait_for(asked(find_stack(home), command, RequirementsChanged))
    print(f"what fits best counts again for {', '.join(done.requirement_ids)} of {session}")


def refuse(
    master: MasterArgument, reason: ReasonOption = None, undo: UndoOption = False, home: HomeOption = None
) -> None:
    """Have a master be used no more; sessions that it served get the next that fits, or are told that none does."""
    from shared.events.calibration_commands import MasterJudged, RefuseMaster

    if (reason is None) is not undo:
        raise WrongUsage("say either --reason, or --undo")
    stack = find_stack(home)
    file_id = wait_for(_master(stack, master))
    done = wait_for(asked(stack, RefuseMaster(file_id=file_id, reason=reason, undo=undo), MasterJudged))
    state = "may be used" if undo else "is refused"
    print(
        f"{file_id[:ID_DIGITS]} {state}" if done.changed else f"nothing changed: {file_id[:ID_DIGITS]} {state} already"
    )


def check(home: HomeOption = None) -> None:
    """Match everything anew, as is done once a day; answers that change are told."""
    from shared.events.calibration_commands import CalibrationAsked, CheckCalibration

    done = wait_for(asked(find_stack(home), CheckCalibration(), CalibrationAsked))
    print(f"{counted(done.requirements, 'requirement')} matched anew; `nightbus calibration status` shows the answers")


async def _master(stack: Stack, word: str) -> str:
    async with reader(stack) as connection:
        return await frame_id(connection, word)


def made(model: type[C], **facts: Any) -> C:
    """A command, or a part of one, of what was typed.

    Raises:
        WrongUsage: one of the values is none that it can have.
    """
    from pydantic import ValidationError

    from shared.events.mistakes import first_mistake

    try:
        return model(**facts)
    except ValidationError as error:
        raise WrongUsage(first_mistake(error)) from error


async def asked(stack: Stack, command: "Command", reply: type[R]) -> R:
    """The answer to a command.

    Raises:
        UserError: nobody answers, or calibration refuses.
    """
    from shared.bus.rpc import ask

    async with bus(stack) as client:
        return await ask(client, command, reply)
