"""Reading keywords in order of preference, with every value made safe for the contract's models."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

from shared.frames import limits, values
from shared.frames.cards import Card, CardValue
from shared.frames.limits import COLDEST_C, HOTTEST_C, KELVIN_OF_0_C, LARGEST
from shared.frames.units import TemperatureUnit, millimetres_of, temperature_unit

_MEASURED = frozenset(
    (
        *limits.EXPOSURES, *limits.TOTALS, *limits.EXPOSURES_OF_ONE, *limits.COUNTS_IN_WORDS,
        *limits.SENSOR_TEMPERATURES, *limits.SET_TEMPERATURES, *limits.FOCAL_LENGTHS, *limits.PIXEL_SIZES,
        *limits.APERTURES, *limits.SCALES,
        *limits.LATITUDES, *limits.LONGITUDES, *limits.CLOCKS, "RA", "OBJCTRA", "DATE-OBS",
    )
)  # fmt: skip
"""Keywords whose comments are asked for the unit or the sense of their values."""


class Keys:
    """A header's keywords (first of duplicates) behind tolerant getters; each answers the first usable value.

    `about` and `used` do nothing here: `trace.py` overrides them to note where a fact came from. ``cards`` are those
    that ``keys`` was made from, for their comments.
    """

    def __init__(self, keys: Mapping[str, CardValue], cards: Sequence[Card] = ()) -> None:
        self.raw = keys
        self.cards = cards
        self._comments: dict[str, Card] | None = None

    def silent(self) -> "Keys":
        """The same, without notes of what answers."""
        same = Keys(self.raw, self.cards)
        same._comments = self._comments
        return same

    def comment(self, keyword: str) -> str:
        """What stands behind a measured value; empty where nothing does."""
        if self._comments is None:
            self._comments = {card[0]: card for card in reversed(self.cards) if card[0] in _MEASURED}
        card = self._comments.get(keyword)
        if card is None or card[1] == self.raw.get(keyword):
            return "" if card is None else card[2]
        # An extension's card goes before the primary header's.
        return next((other[2] for other in self.cards if other[0] == keyword and other[1] == self.raw[keyword]), "")

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.raw

    def about(self, *_facts: str) -> Self:
        """Say which facts (fields of FrameMetadata) are looked up next."""
        return self

    def used(self, keyword: str) -> None:
        """Called with each keyword that answers."""

    def get(self, keyword: str) -> CardValue:
        """The value as parsed; None when the keyword is missing or undefined. Who can use it says so by `used`."""
        return self.raw.get(keyword)

    def text(self, *keywords: str) -> str | None:
        """The first that is text with meaning."""
        for keyword in keywords:
            if keyword in self.raw and (found := values.text(self.raw[keyword])) is not None:
                self.used(keyword)
                return found
        return None

    def number(self, *keywords: str) -> float | None:
        """The first that is a finite number."""
        return self._first_above(-math.inf, keywords)

    def positive(self, *keywords: str) -> float | None:
        """The first number above zero: zero stands for 'not known' in optics."""
        return self._first_above(0.0, keywords)

    def length_mm(self, *keywords: str, unit_mm: float = 1.0, most_mm: float = LARGEST) -> float | None:
        """The first length above zero, in millimetres, by the unit that its comment names, else ``unit_mm``.

        A comment that makes more than ``most_mm`` of it is not believed, and what is more without it is absent.
        """
        for keyword in keywords:
            if keyword not in self.raw or (found := _number(self.raw[keyword])) is None or found <= 0:
                continue
            named = millimetres_of(self.comment(keyword))
            for unit in (named, unit_mm):
                if unit is not None and found * unit < most_mm:
                    self.used(keyword)
                    return found * unit
        return None

    def setting(self, *keywords: str) -> float | None:
        """The first number above -1, which is what programs write for a gain or offset that no driver told them.

        A sensitivity may be a text: ``ISO 800``.
        """
        for keyword in keywords:
            value = self.raw.get(keyword)
            if isinstance(value, str) and value.strip()[:3].upper() == "ISO":
                value = value.strip()[3:]
            if value is not None and (found := _number(value)) is not None and found > -1.0:
                self.used(keyword)
                return found
        return None

    def _first_above(self, least: float, keywords: tuple[str, ...]) -> float | None:
        for keyword in keywords:
            if keyword in self.raw and (found := _number(self.raw[keyword])) is not None and found > least:
                self.used(keyword)
                return found
        return None

    def between(self, least: float, most: float, *keywords: str) -> float | None:
        """The first number that is neither below ``least`` nor above ``most``."""
        for keyword in keywords:
            if keyword in self.raw and (found := _number(self.raw[keyword])) is not None and least <= found <= most:
                self.used(keyword)
                return found
        return None

    def count(self, keyword: str) -> int | None:
        """A whole number of at least one that a database's integer holds."""
        found = _number(self.raw[keyword]) if keyword in self.raw else None
        if found is None or not 1 <= found < 2**31:
            return None
        self.used(keyword)
        return int(found)

    def temperature(self, *keywords: str) -> float | None:
        """Degrees Celsius; kelvin by the comment, or above 100; numbers no sensor reaches are absent."""
        for keyword in keywords:
            found = _number(self.raw[keyword]) if keyword in self.raw else None
            if found is None:
                continue
            unit = self._temperature_unit(keyword)
            if unit == "fahrenheit":
                found = round((found - 32) / 1.8, 3)
            elif found > HOTTEST_C or (unit == "kelvin" and found > 0):
                found = round(found - KELVIN_OF_0_C, 3)
            if COLDEST_C <= found <= HOTTEST_C:
                self.used(keyword)
                return found
        return None

    def _temperature_unit(self, keyword: str) -> TemperatureUnit | None:
        value = self.raw[keyword]
        written = temperature_unit(f"[{value.lstrip('+-0123456789., ')}]") if isinstance(value, str) else None
        return written or temperature_unit(self.comment(keyword))


def _number(value: CardValue) -> float | None:
    found = values.number(value)
    return found if found is not None and abs(found) < LARGEST else None
