"""nats-py loads aiohttp wherever it is installed, for WebSockets, which nothing here uses: 8 MB and 0.2 s a process.

aioboto3 brings aiohttp along, and backup alone uses it. nats-py takes an import that fails for "not installed".
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

_ASKER, _LAST_OF_ASKER = "nats.aio.transport", "WebSocketTransport"


class _NotForNats(MetaPathFinder):
    """Finds nothing, and lets nobody else find aiohttp while nats-py asks for it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Pass on to the next finder.

        Raises:
            ModuleNotFoundError: nats-py is just being loaded, and asks for aiohttp.
        """
        del path, target
        asker = sys.modules.get(_ASKER)
        if fullname == "aiohttp" and asker is not None and not hasattr(asker, _LAST_OF_ASKER):
            raise ModuleNotFoundError("aiohttp is kept from nats-py", name=fullname)


def keep_aiohttp_from_nats() -> None:
    """Have nats-py do without aiohttp, where it is not loaded yet."""
    sys.meta_path.insert(0, _NotForNats())
