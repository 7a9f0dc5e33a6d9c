"""Reading keywords in order of preference, with every value made safe for the contract's models."""

import math
from collections.abc import Mapping
from typing import Self

from shared.frames import values
from shared.frames.cards import CardValue
from shared.frames.limits import COLDEST_C, HOTTEST_C, KELVIN_OF_0_C, LARGEST


class Keys:
    """A header's keywords (first of duplicates) behind tolerant getters; each answers the first usable value.

    `about` and `used` do nothing here: `trace.py` overrides them to note where a fact came from.
    """

    def __init__(self, keys: Mapping[str, CardValue]) -> None:
        self.raw = keys

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

    def setting(self, *keywords: str) -> float | None:
        """The first number above -1, which is what programs write for a gain or offset that no driver told them."""
        return self._first_above(-1.0, keywords)

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
        """Degrees Celsius; numbers above 100 are kelvin, numbers no sensor reaches are absent."""
        for keyword in keywords:
            found = _number(self.raw[keyword]) if keyword in self.raw else None
            if found is not None and found > HOTTEST_C:
                found = round(found - KELVIN_OF_0_C, 3)
            if found is not None and COLDEST_C <= found <= HOTTEST_C:
                self.used(keyword)
                return found
        return None


def _number(value: CardValue) -> float | None:
    found = values.number(value)
    return found if found is not None and abs(found) < LARGEST else None
