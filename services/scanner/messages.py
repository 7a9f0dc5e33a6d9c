"""What the scanner and its reader processes tell each other, over a reader's standard input and output.

Messages both ways are a four-byte big-endian length and that many bytes. A request is a JSON line of ``Request``
followed by the JSON of a FileArrived; an answer is a JSON line of ``Answer`` followed by the JSON of a FileScanned
where there is one. The first message of all is the JSON of the ``Knowledge`` that the service has; the reader loads it
and then sends a length of zero: it is ready.
"""

import struct
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from services.scanner.previews import PreviewPlace

LENGTH = struct.Struct(">I")


class Request(TypedDict):
    """First line of a request; without ``previews`` none are made."""

    root_path: str
    measure_stars: bool
    previews: NotRequired["PreviewPlace | None"]


class Answer(TypedDict):
    """First line of an answer; ``reason`` and ``detail`` are empty for scanned files."""

    outcome: Literal["scanned", "permanent", "transient", "away", "gone"]
    reason: str
    detail: str
    headers: dict[str, str]
