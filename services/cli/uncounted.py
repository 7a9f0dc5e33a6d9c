"""What `config check` tells of frames: those counted before a rig was added, and one device as two rigs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.connection import Stack, find_stack, reader, wait_for
from services.cli.output import counted as numbered
from shared.errors import UserError

if TYPE_CHECKING:
    from services.scanner.knowledge import Knowledge
    from shared.equipment.counted import Counted

# Plate solvers give every frame a focal length of its own; to the millimetre a night of them is one group.
_COUNTED = """
SELECT rig, camera, telescope, round(focal_length_mm)::double precision, x_binning, width_px, height_px, count(*)::int
FROM stats.files WHERE rig IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def notes(knowledge: "Knowledge", home: Path | None) -> Iterator[str]:
    """Sentences for a person, none where nothing runs or nothing is to be told.

    Where none runs nobody can say how many files a new setting concerns, so that one sentence says what to do.
    """
    try:
        groups = wait_for(_groups(find_stack(home)))
    except UserError:
        if knowledge.is_own:
            yield (
                "your rigs, cameras, telescopes, filters and targets count for files that are scanned once Nightbus "
                "was started with them: `nightbus reread --all` applies them to those counted before then"
            )
        return
    yield from told(knowledge, groups)


def told(knowledge: "Knowledge", groups: "list[Counted]") -> Iterator[str]:
    """The sentences about frames that are counted already."""
    from services.standalone.calling import command
    from shared.equipment.counted import devices_apart, refits

    equipment = knowledge.equipment()
    for found in refits(equipment, groups):
        yield (
            f"{numbered(found.files, 'file')} counted under {found.rig} {'fits' if found.files == 1 else 'fit'} the "
            f"rig {found.fits}: restart Nightbus first if it runs since before that rig was added, then "
            f"`{command('reread', '--rig', found.rig)}` has {'it' if found.files == 1 else 'them'} read anew"
        )
    for apart in devices_apart(equipment, groups):
        yield (
            f"{apart.bare} and {apart.serial} are counted as 2 rigs; newer firmware tells the serial number. If they "
            f'are one, join them: [[rigs]] name = "My {apart.model}", aliases = ["{apart.bare}", "{apart.serial}"]'
        )


async def _groups(stack: Stack) -> "list[Counted]":
    from shared.equipment.counted import Counted

    async with reader(stack) as connection:
        return [Counted(*row.values()) for row in await connection.fetch(_COUNTED)]
