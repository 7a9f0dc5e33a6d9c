"""Libraries that others load wherever they are installed, and of which nothing here makes use: 13 MB a process.

nats-py loads aiohttp for WebSockets; aioboto3 brings that along, and backup alone uses it. structlog loads Rich and its
highlighter for tracebacks in colour, which are written plainly here. httpx loads both, and Click, for a command line of
its own. Each of them takes an import that fails for "not installed".
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

_SPARED = {
    "nats.aio.transport": ("WebSocketTransport", {"aiohttp"}),
    "structlog.tracebacks": ("ExceptionDictTransformer", {"rich"}),
    "structlog.dev": ("set_exc_info", {"rich"}),
    "httpx._main": ("main", {"click", "pygments", "rich"}),
}
"""The last name that each of these modules defines, which tells whether it is being loaded, and what it is spared."""


class _NotForThem(MetaPathFinder):
    """Finds nothing, and lets nobody else find a library while one asks for it that is spared it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Pass on to the next finder.

        Raises:
            ModuleNotFoundError: a module is just being loaded that does without this library.
        """
        del path, target
        library = fullname.partition(".")[0]
        for asker, (last, spared) in _SPARED.items():
            if library in spared and (module := sys.modules.get(asker)) is not None and not hasattr(module, last):
                raise ModuleNotFoundError(f"{library} is kept from {asker}", name=fullname)


def keep_what_is_unused_out() -> None:
    """Have libraries do without what they would load and not use here, where it is not loaded yet."""
    sys.meta_path.insert(0, _NotForThem())
