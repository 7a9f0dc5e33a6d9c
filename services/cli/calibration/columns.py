"""What tables of `calibration` have alike: ids, types and numbers."""

from services.cli.layout import Column
from services.cli.output import Row

ID_DIGITS = 12
"""Digits of a file's id that people are shown; six are enough to say it."""


def type_word(row: Row) -> str:
    """The type of a master: dark, flat, bias."""
    return str(row["master_type"]).removeprefix("MASTER_").lower()


def number_column(name: str, title: str, *, spare: int = 0) -> Column:
    """A column of numbers without needless decimals, empty where one is not known."""

    def value(row: Row) -> str | None:
        return None if row[name] is None else f"{row[name]:g}"

    return Column(title, value, "right", spare=spare)
