"""How a long-running process of ours uses Python: the event loop and the garbage collector."""

import asyncio
import gc
from collections.abc import Callable

YOUNG_OBJECTS = 100_000
"""New objects between two looks for cycles; Python's default is 700 to 2,000."""


def collect_garbage_seldom() -> None:
    """Look for reference cycles seldom; call it once everything is imported.

    Batches of events are many objects and no cycles: looking for some took a quarter of a service's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of uvloop where there is one (not on Windows): a service spends much of its time in the loop."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
