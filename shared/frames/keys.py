"""Reading keywords in order of preference, with every value made safe for the contract's models."""

from collections.abc import Mapping

from shared.frames import values
from shared.frames.cards import CardValue

_LARGEST = 1e15


class Keys:
    """A header's keywords (first of duplicates) behind tolerant getters; each answers the first usable value."""

    def __init__(self, keys: Mapping[str, CardValue]) -> None:
        self.raw = keys

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.raw

    def get(self, keyword: str) -> CardValue:
        """The value as parsed; None when the keyword is missing or undefined."""
        return self.raw.get(keyword)

    def text(self, *keywords: str) -> str | None:
        """The first that is text with meaning."""
        for keyword in keywords:
            if keyword in self.raw and (found := values.text(self.raw[keyword])) is not None:
                return found
        return None

    def number(self, *keywords: str) -> float | None:
        """The first that is a finite number."""
        for keyword in keywords:
            if keyword in self.raw:
                found = values.number(self.raw[keyword])
                if found is not None and abs(found) < _LARGEST:
                    return found
        return None

    def positive(self, *keywords: str) -> float | None:
        """The first number above zero: zero stands for 'not known' in optics."""
        for keyword in keywords:
            if (found := self.number(keyword)) is not None and found > 0:
                return found
        return None

    def count(self, keyword: str) -> int | None:
        """A whole number of at least one that a database's integer holds."""
        found = self.number(keyword)
        return int(found) if found is not None and 1 <= found < 2**31 else None

    def temperature(self, *keywords: str) -> float | None:
        """Degrees Celsius; numbers above 100 are kelvin, numbers no sensor reaches are absent."""
        for keyword in keywords:
            found = self.number(keyword)
            if found is not None and found > 100:
                found = round(found - 273.15, 3)
            if found is not None and -120 <= found <= 100:
                return found
        return None
