"""Values that everybody can store, subtract and publish again; all others are refused when an event is read.

Postgres takes no NUL in text, no number beyond its column and no time beyond its calendar, and gives back the edges of
Python's calendar as "infinity" without a zone. JSON has no infinity. An event that carries such a value would pass one
service and stop the next, so that models are made of the types below alone; a test holds every field to that.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from shared import inert

EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Times lie in between: centuries can be added to them, and taken from them, in any time zone."""
LARGEST_REAL = 3.4e38
"""Largest number of four bytes, as measured values are stored."""
LONGEST_S = 1e10
"""Longest exposure; a million of them can be added in milliseconds."""
LARGEST_SMALLINT, LARGEST_INTEGER, LARGEST_BIGINT = 2**15 - 1, 2**31 - 1, 2**63 - 1
LARGEST_FILE_BYTES = 2**53 - 1
"""Largest file: JSON readers that know floating point only hold it exactly."""
LONGEST_WORD, LONGEST_LABEL, LONGEST_PATH = 255, 600, 4096
"""Characters. Words are parts of index entries, of which Postgres takes up to 2,700 bytes."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("text cannot hold a NUL character")
    return text


def _sentence(value: object) -> object:
    return inert.sentence(value) if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_without_nul)]
"""Text of any length."""
Word = Annotated[str, StringConstraints(max_length=LONGEST_WORD), AfterValidator(_without_nul)]
"""A name as people and programs write it: a camera, a filter, a source, a folder's part."""
Label = Annotated[str, StringConstraints(max_length=LONGEST_LABEL), AfterValidator(_without_nul)]
"""A name that is made of several words, such as a rig's."""
HowPlaced = Literal["copy", "reflink", "symlink", "hardlink"]
"""How a derived file comes to lie where it is placed."""
PathText = Annotated[str, StringConstraints(max_length=LONGEST_PATH), AfterValidator(_without_nul)]
"""A path with forward slashes."""
Sentence = Annotated[str, BeforeValidator(_sentence)]
"""A sentence for a person. It is never refused: what is too long is cut, what cannot be printed is an escape."""

Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
"""A time with its zone."""
Day = Annotated[date, Field(ge=EARLIEST.date(), lt=LATEST.date())]
"""A date."""

Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
"""A number of things, pixels among them."""
Number = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
"""A whole number as some program wrote it."""
Natural = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
"""A number that begins with one: a revision, an attempt, a count of what is there."""
Factor = Annotated[int, Field(ge=1, le=LARGEST_SMALLINT)]
"""A small factor, such as binning."""
Sum = Annotated[int, Field(ge=0, le=LARGEST_BIGINT)]
"""A sum of bytes, milliseconds or files."""
RowNumber = Annotated[int, Field(ge=1, le=LARGEST_BIGINT)]
"""The number of a row that people name."""
FileSize = Annotated[int, Field(ge=0, le=LARGEST_FILE_BYTES)]
"""Size of a file, bytes."""

Real = Annotated[float, Field(ge=-LARGEST_REAL, le=LARGEST_REAL)]
"""A measured value or a setting."""
NotNegative = Annotated[float, Field(ge=0, le=LARGEST_REAL)]
"""A measured value that may be zero."""
Positive = Annotated[float, Field(gt=0, le=LARGEST_REAL)]
"""A measured value that is never zero."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A share or a confidence, 0 to 1."""
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
"""Length of an exposure, or the sum over a stack, seconds."""
