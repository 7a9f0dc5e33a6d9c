"""`match`: which object a name means. Works offline."""

import io
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from services.cli.exits import NO_ANSWER
from services.cli.output import to_json
from shared import inert
from shared.given import LONGEST_NAME_CHARS, wrong_name
from shared.proper_name import proper_name

NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME…", help="Names; - reads them from standard input.")]
LinesOption = Annotated[bool, typer.Option("--json", help="Print one JSON line per item.")]


def match(names: NamesArgument, as_json: LinesOption = False) -> None:
    """Find the catalogue object that a target name means, by its name alone: people's decisions are not consulted.

    The exit code is 3 where a name means none.
    """
    from services.cli.own import meanings

    named = meanings()
    unanswered = 0
    for name in each(names):
        found = named("" if wrong_name(name) else name)
        one, confidence = found.pairs[0] if found.pairs else (None, 0.0)
        if as_json:
            line = {
                "query": inert.shortened(name, LONGEST_NAME_CHARS),
                "catalog_id": one and one.catalog_id,
                "name": one and one.name,
                "confidence": confidence,
                "method": found.method if one else "none",
            }
            print(to_json(line), flush=True)
        elif one is None:
            print(f"{inert.name(name)}: no match{_why_none(name)}")
        else:
            label = ", ".join(filter(None, (one.catalog_id, proper_name(one.catalog_id, one.name))))
            print(f"{inert.name(name)}: {label} ({found.method}, {confidence:.0%})")
        unanswered += one is None
    if unanswered:
        raise typer.Exit(NO_ANSWER)


def _why_none(name: str) -> str:
    """Why a name that everybody knows means nothing here, and what means it."""
    from shared.targets.stars import NAMED_STARS

    if name.strip().casefold() not in NAMED_STARS:
        return ""
    return "; a star that mounts are aligned on is a target by its designation only, such as alpha Ori for Betelgeuse"


def each(names: list[str]) -> Iterator[str]:
    """The names, with ``-`` replaced by the lines of standard input, empty ones too: answers line up with questions."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # a file name may be any bytes
    for name in names:
        if name != "-":
            yield name
            continue
        for line in sys.stdin:
            yield line.rstrip("\r\n")
