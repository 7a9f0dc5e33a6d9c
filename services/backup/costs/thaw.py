"""What it costs to have archives thawed and read, and how long that takes."""

from dataclasses import dataclass

from services.backup.costs.estimate import DAYS_A_MONTH
from services.backup.costs.prices import ClassPrices, PriceTable, TierPrices
from services.backup.destinations.port import Tier
from shared.errors import UserError


@dataclass(frozen=True, slots=True)
class Thawed:
    """What is to be thawed of one storage class."""

    archives: int
    size_bytes: int
    """Of whole archives."""
    read_bytes: int
    """What is read of them then."""


@dataclass(frozen=True, slots=True)
class ThawCost:
    """What that costs, US dollars before tax, and how long it takes."""

    provider: str
    """Whose prices these are."""
    usd: float
    """Requests, retrieval, the readable copies for their days, and the transfer of what is read."""
    hours: float
    """Until the first byte can be read, at most."""


def thaw_cost(what: Thawed, table: PriceTable, storage_class: str, days: int, tier: Tier) -> ThawCost | None:
    """The costs by a table of prices; None where it has no such class.

    Raises:
        UserError: the class is not thawed at that tier.
    """
    prices = table.of_class(storage_class)
    if prices is None:
        return None
    of_tier = _of_tier(prices, tier)
    gb = table.bytes_per_gb
    standard = table.standard_of(prices.provider)
    copies = what.size_bytes / gb * (standard.usd_per_gb_month if standard else 0.0) * days / DAYS_A_MONTH
    retrieval = what.size_bytes / gb * of_tier.usd_per_gb_read
    requests = what.archives / 1000 * (of_tier.usd_per_1000_restores + prices.usd_per_1000_gets)
    transfer = what.read_bytes / gb * prices.usd_per_gb_out
    return ThawCost(prices.provider, copies + retrieval + requests + transfer, of_tier.hours_to_read)


def _of_tier(prices: ClassPrices, tier: Tier) -> TierPrices:
    found = {"expedited": prices.expedited, "standard": prices.standard, "bulk": prices.bulk}
    if (of_tier := found[tier]) is None:
        there = " and ".join(name for name, one in found.items() if one is not None)
        raise UserError(f"{prices.storage_class} has no tier {tier}: there is {there}")
    return of_tier
