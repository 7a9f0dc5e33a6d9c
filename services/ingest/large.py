"""Large files: taken beside the others, so that nobody waits for a video of an hour or a sparse file of terabytes.

A large file is in hand from one look at its source to a later one. Meanwhile it is among the files that are looked at
again; when it is done its counts are collected, once.
"""

import asyncio
from collections.abc import MutableMapping

from services.ingest.source import Source
from services.ingest.tally import Tally
from shared.errors import Transient

LEAVE_S = 10.0
FAILED = "it could not be taken this time"


def collect_finished(source: Source, tally: Tally, unsettled: MutableMapping[str, str]) -> set[str]:
    """Add the counts of what has been finished, and say by relative path what that was.

    What lacks something, or could not be taken now, stays among ``unsettled`` and is looked at again; the rest leaves
    it. Raises whatever else ended a file.
    """
    done = {path: hand for path, hand in source.in_hand.items() if hand.task.done()}
    for path, hand in done.items():
        del source.in_hand[path]
        try:
            finished = hand.task.result()
        except Transient:
            unsettled[path] = FAILED
            continue
        tally.add(finished.tally)
        if finished.lack is None:
            unsettled.pop(path, None)
            source.settler.forget(path)
        else:
            unsettled[path] = finished.lack
    return done.keys() - unsettled.keys()


async def leave(source: Source) -> None:
    """End what is in hand of a source, and wait until nothing of it is left behind; but not for a share that hangs."""
    hands = list(source.in_hand.values())
    for hand in hands:
        hand.end()
    if hands:
        await asyncio.wait([hand.task for hand in hands], timeout=LEAVE_S)
    source.in_hand.clear()
