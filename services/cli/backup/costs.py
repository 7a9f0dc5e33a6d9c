"""`backup estimate-costs`: what archives cost in each storage class, by a table of prices that may be one's own."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.connection import HomeOption, Stack, find_stack, reader, wait_for
from services.cli.filters import JsonOption
from services.cli.layout import Column
from services.cli.output import counted, print_table, to_json
from services.cli.usage import destination_name
from shared.errors import UserError
from shared.quantities import size

if TYPE_CHECKING:
    from services.backup.costs.estimate import Amount

_ANY = ""
"""The name under which coverage is counted for any destination."""
_COVERAGE = "SELECT archived_bytes, unprotected_bytes, nights FROM backup.coverages WHERE destination = $1"
_ARCHIVES = """
SELECT coalesce(max(archives), 0)::bigint AS archives,
       coalesce(sum(size_bytes), 0)::bigint AS size_bytes, coalesce(sum(stored_bytes), 0)::bigint AS stored_bytes,
       coalesce(max(part_bytes), $2)::bigint AS part_bytes
FROM (SELECT destination, count(*) AS archives, sum(size_bytes) AS size_bytes, sum(stored_bytes) AS stored_bytes,
             max(part_bytes) AS part_bytes
      FROM backup.archives WHERE phase = 'verified' AND ($1 = '' OR destination = $1) GROUP BY destination) AS each
"""
_PART_BYTES = 64 * 1024**2
"""Of a part, before there is any."""
_NIGHT_GB = 4
"""What one night is taken for where nothing but a size is known, GB."""

DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination",
        parser=destination_name,
        metavar="NAME",
        help="What this one has and lacks; else one copy of everything.",
    ),
]
GbOption = Annotated[
    int | None, typer.Option("--gb", metavar="GB", min=0, max=10**9, help="So many GB instead of your own files.")
]

PricesOption = Annotated[bool, typer.Option("--prices", help="Print the table of prices, to be copied and edited.")]


def estimate_costs(
    destination: DestinationOption = None,
    gb: GbOption = None,
    prices: PricesOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show what archives cost in each storage class: a month, the first year, and to have all of them back."""
    from services.backup.costs.estimate import estimate
    from services.backup.costs.prices import BUILT_IN, read_prices
    from services.backup.settings import BackupSettings
    from services.settings import load_settings

    file = load_settings().section(BackupSettings).prices_file
    table = read_prices(file)
    if prices:
        print((file or BUILT_IN).read_text(encoding="utf-8"), end="")
        return
    if gb is not None and destination is not None:
        raise UserError("--gb is of no destination: use one of the two")
    if gb is not None:
        archived, missing = _amount(0, 0), _amount(gb * table.bytes_per_gb, -(-gb // _NIGHT_GB))
    else:
        archived, missing = wait_for(_amounts(find_stack(home), destination))
    estimates = [asdict(one) for one in estimate(archived + missing, table)]
    if as_json:
        whole = {"as_of": table.as_of, "archived": asdict(archived), "to_come": asdict(missing)}
        print(to_json({**whole, "estimates": estimates}))
        return
    print_table(estimates, _COLUMNS)
    print(f"archived: {_words(archived)}; to come: {_words(missing)}; prices of {table.as_of}, US dollars before tax")
    print("`--prices` prints the table; a copy with your own is used where backup.prices_file names it")


async def _amounts(stack: Stack, destination: str | None) -> "tuple[Amount, Amount]":
    """What is archived, and what would come to it: as archives, in stored bytes."""
    from services.backup.costs.estimate import packed

    name = destination or _ANY
    async with reader(stack) as connection:
        coverage = await connection.fetchrow(_COVERAGE, name)
        (made,) = await connection.fetch(_ARCHIVES, name, _PART_BYTES)
    if coverage is None:
        if destination is not None:
            raise UserError(f"nothing is known of a destination {destination!r}: `nightbus backup status` names them")
        raise UserError("backup has not counted the files yet: it does within minutes of its first start")
    ratio = made["size_bytes"], made["stored_bytes"]
    archived = _amount(packed(coverage["archived_bytes"], *ratio), made["archives"], made["part_bytes"])
    return archived, _amount(packed(coverage["unprotected_bytes"], *ratio), coverage["nights"], made["part_bytes"])


def _amount(size_bytes: int, archives: int, part_bytes: int = _PART_BYTES) -> "Amount":
    from services.backup.costs.estimate import Amount

    return Amount(size_bytes, archives, max(archives, -(-size_bytes // part_bytes)))


def _words(amount: "Amount") -> str:
    return f"{size(amount.size_bytes)} in {counted(amount.archives, 'archive')}"


def _usd(name: str, title: str) -> Column:
    return Column(title, lambda row: f"{row[name]:,.2f} $", "right")


def _wait(hours: float) -> str:
    return f"{hours:g} h" if hours else "none"


_COLUMNS = (
    Column("class", lambda row: row["storage_class"], fold=True),
    Column("at", lambda row: row["provider"], fold=True),
    _usd("usd_per_month", "a month"),
    _usd("usd_first_year", "first year"),
    _usd("usd_to_restore", "all of it back"),
    Column("wait to read", lambda row: _wait(row["hours_to_read"]), "right"),
    Column("least", lambda row: f"{row['least_days']} d" if row["least_days"] else "", "right", spare=1),
)
