"""What so many bytes in so many objects cost in each storage class: a month, the first year, and to have them back."""

from dataclasses import dataclass

from services.backup.costs.prices import ClassPrices, PriceTable

MONTHS = 12
DAYS_A_MONTH = 30
PUTS_AN_UPLOAD = 2
"""Requests of an upload beside its parts: to begin and to complete it."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What is kept, or would be."""

    size_bytes: int = 0
    """Stored bytes of archives."""
    archives: int = 0
    parts: int = 0
    """Parts that the archives are sent in."""

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.size_bytes + other.size_bytes, self.archives + other.archives, self.parts + other.parts)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an amount costs in one storage class, US dollars before tax."""

    provider: str
    storage_class: str
    usd_per_month: float
    usd_first_year: float
    """Twelve months, and the requests of all uploads."""
    usd_to_restore: float
    """To read all of it once, from outside: requests, retrieval and transfer."""
    hours_to_read: float
    """Before the first byte can be read; 0: at once."""
    least_days: int
    """For how long an object is paid for at least."""
    usd_least: float
    """What all of it costs at least, even where it is deleted on the next day."""


def estimate(amount: Amount, table: PriceTable) -> list[Estimate]:
    """The costs of an amount in each class of a table, in the table's order."""
    return [_estimate(amount, prices, table) for prices in table.prices]


def packed(size_bytes: int, archived_bytes: int, stored_bytes: int) -> int:
    """What files of ``size_bytes`` will take as archives, by how those before were packed: bytes.

    Without any before it is their own size, so that costs are rather overstated.
    """
    ratio = min(stored_bytes / archived_bytes, 1.0) if archived_bytes else 1.0
    return round(size_bytes * ratio)


def _estimate(amount: Amount, prices: ClassPrices, table: PriceTable) -> Estimate:
    gb = table.bytes_per_gb
    billed_bytes = max(amount.size_bytes, amount.archives * prices.least_object_bytes)
    month = (billed_bytes + amount.archives * prices.overhead_bytes) / gb * prices.usd_per_gb_month
    if (standard := table.standard_of(prices.provider)) is not None:
        month += amount.archives * prices.standard_overhead_bytes / gb * standard.usd_per_gb_month
    puts = amount.parts + PUTS_AN_UPLOAD * amount.archives
    uploads = puts / 1000 * prices.usd_per_1000_puts
    restore = amount.size_bytes / gb * (prices.usd_per_gb_read + prices.usd_per_gb_out)
    restore += amount.archives / 1000 * (prices.usd_per_1000_restores + prices.usd_per_1000_gets)
    return Estimate(
        provider=prices.provider,
        storage_class=prices.storage_class,
        usd_per_month=month,
        usd_first_year=MONTHS * month + uploads,
        usd_to_restore=restore,
        hours_to_read=prices.hours_to_read,
        least_days=prices.least_days,
        usd_least=month * prices.least_days / DAYS_A_MONTH + uploads,
    )
