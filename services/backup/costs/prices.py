"""The table of prices: that of Nightbus (``prices.toml``), or a person's own of the same form."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared import inert
from shared.errors import UserError

BUILT_IN = Path(__file__).with_name("prices.toml")
STANDARD = "STANDARD"
"""The class of manifests, and of what some classes keep of an object beside its bytes."""

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0)]


class TierPrices(BaseModel):
    """What it costs to thaw objects of a class at one tier, US dollars, and how long it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd_per_gb_read: Dollars = 0.0
    usd_per_1000_restores: Dollars = 0.0
    hours_to_read: float = Field(ge=0, allow_inf_nan=False)


class ClassPrices(BaseModel):
    """What one storage class of a provider costs, US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    storage_class: str = Field(alias="class", min_length=1)
    provider: str = Field(min_length=1)
    usd_per_gb_month: Dollars
    least_days: int = Field(default=0, ge=0)
    least_object_bytes: Bytes = 0
    overhead_bytes: Bytes = 0
    standard_overhead_bytes: Bytes = 0
    usd_per_1000_puts: Dollars = 0.0
    usd_per_1000_gets: Dollars = 0.0
    usd_per_gb_read: Dollars = 0.0
    usd_per_1000_restores: Dollars = 0.0
    hours_to_read: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    usd_per_gb_out: Dollars = 0.0
    bulk: TierPrices | None = None
    expedited: TierPrices | None = None

    @property
    def standard(self) -> TierPrices:
        """Those of the class itself."""
        return TierPrices(
            usd_per_gb_read=self.usd_per_gb_read,
            usd_per_1000_restores=self.usd_per_1000_restores,
            hours_to_read=self.hours_to_read,
        )


class PriceTable(BaseModel):
    """The prices of all classes, and when they were looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    bytes_per_gb: int = Field(default=1_000_000_000, gt=0)
    prices: tuple[ClassPrices, ...] = Field(min_length=1)

    def standard_of(self, provider: str) -> ClassPrices | None:
        """The prices of a provider's STANDARD; None where the table has none."""
        found = (one for one in self.prices if (one.provider, one.storage_class) == (provider, STANDARD))
        return next(found, None)

    def of_class(self, storage_class: str) -> ClassPrices | None:
        """The first prices of a class, whoever offers it; None where the table has none."""
        return next((one for one in self.prices if one.storage_class == storage_class), None)


def read_prices(file: Path | None = None) -> PriceTable:
    """The prices of a file; None: those that come with Nightbus.

    Raises:
        UserError: the file cannot be read, or is no such table; one sentence.
    """
    path = file or BUILT_IN
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"the prices {inert.name(path)} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UserError(f"the prices {inert.name(path)} are no TOML: {error}") from error
    try:
        return PriceTable.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        raise UserError(f"the prices {inert.name(path)} are wrong at {where}: {first['msg']}") from error
