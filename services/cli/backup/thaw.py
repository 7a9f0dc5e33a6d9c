"""Archives in archive storage, before a restore reads them: what it costs, whether it is wanted, the waiting."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.backup.saying import say
from services.cli.exits import FAILED
from services.cli.output import counted
from services.cli.usage import WrongUsage
from shared import inert
from shared.quantities import duration, size

if TYPE_CHECKING:
    from services.backup.costs.prices import PriceTable
    from services.backup.destinations.port import Destination, Tier
    from services.backup.restore.thaw import Cold, Needed, Waiting

HOUR_S = 3600.0


class ThawTier(StrEnum):
    """How soon archives are thawed; see ``services.backup.destinations.port.Tier``."""

    EXPEDITED = "expedited"
    STANDARD = "standard"
    BULK = "bulk"

    @property
    def tier(self) -> "Tier":
        """As destinations know it."""
        return self.value


TierOption = Annotated[
    ThawTier, typer.Option("--tier", help="How soon archives in archive storage are thawed; sooner is dearer.")
]
DaysOption = Annotated[
    int, typer.Option("--days", metavar="N", min=1, max=365, help="For how many days these can be read then.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Thaw what has to be thawed without asking.")]


def require_consent(needed: "Needed", table: "PriceTable", days: int, tier: ThawTier, *, yes: bool) -> None:
    """Say what thawing costs and how long it takes, and ask whether it is wanted; nothing is asked of a destination.

    Raises:
        WrongUsage: nobody can be asked.
        UserError: a storage class is not thawed at that tier.
        typer.Exit: it is not wanted.
    """
    for line in cost_lines(needed.cold, table, days, tier):
        print(line, file=sys.stderr)
    if yes or not needed.frozen:
        return
    if not sys.stdin.isatty():
        raise WrongUsage(f"{_words(needed.frozen)} would be thawed, which costs money: repeat it with --yes")
    if not typer.confirm("thaw them?", default=False, err=True):
        print("nothing was thawed, and nothing restored", file=sys.stderr)
        raise typer.Exit(FAILED)


def cost_lines(cold: "Sequence[Cold]", table: "PriceTable", days: int, tier: ThawTier) -> list[str]:
    """What is thawed of each storage class, at what cost and until when; and what was asked for before."""
    from services.backup.costs.thaw import Thawed, thaw_cost

    lines = []
    for storage_class in sorted({one.storage_class for one in cold}):
        of_class = [one for one in cold if one.storage_class == storage_class]
        frozen = [one for one in of_class if one.frost == "frozen"]
        name = inert.name(storage_class)
        if len(frozen) < len(of_class):
            thawing = [one for one in of_class if one.frost == "thawing"]
            lines.append(f"{_words(thawing)} in {name}: asked for before, and thawing")
        if not frozen:
            continue
        read_bytes = sum(one.read_bytes for one in frozen)
        what = Thawed(len(frozen), sum(one.size_bytes for one in frozen), read_bytes)
        cost = thaw_cost(what, table, storage_class, days, tier.tier)
        if cost is None:
            lines.append(f"{_words(frozen)} in {name} to be thawed: the table of prices has no such class")
            continue
        lines.append(
            f"{_words(frozen)} in {name} to be thawed: up to {duration(cost.hours * HOUR_S)} and about "
            f"{_usd(cost.usd)}, with {counted(days, 'day')} to read them and {size(read_bytes)} of transfer "
            f"(tier {tier.value}, {inert.name(cost.provider)}'s prices of {table.as_of})"
        )
    return lines


async def thawed(destinations: "Mapping[str, Destination]", needed: "Needed", days: int, tier: ThawTier) -> None:
    """Ask for what is frozen, and wait until all that is needed can be read.

    Raises:
        Transient: a destination is away or refuses.
    """
    from services.backup.restore.thaw import ask, until_thawed

    said = ""

    def tell(waiting: "Waiting") -> None:
        nonlocal said
        said = say(waiting_text(waiting), said)

    await ask(destinations, needed.frozen, days, tier.tier)
    try:
        await until_thawed(destinations, needed.cold, tell)
    except asyncio.CancelledError:
        say("", said)
        print("the archives go on thawing: the same command goes on from there", file=sys.stderr)
        raise
    say("", said)


def waiting_text(waiting: "Waiting") -> str:
    """How far the waiting is, on one line."""
    words = f"{waiting.thawed} of {counted(waiting.archives, 'archive')} thawed; Ctrl-C stops the waiting only"
    return f"{words}; {inert.sentence(waiting.problem)}" if waiting.problem else words


def _words(archives: "Sequence[Cold]") -> str:
    return f"{counted(len(archives), 'archive')} ({size(sum(one.size_bytes for one in archives))})"


def _usd(usd: float) -> str:
    return f"{usd:,.2f} $" if usd >= 0.01 else "0.01 $"
