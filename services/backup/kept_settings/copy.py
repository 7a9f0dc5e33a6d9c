"""A copy of nightbus.toml at a destination, each time it has changed."""

import asyncio
from datetime import datetime

from services.backup.database.layout import CONFIG, config_key
from services.backup.destinations.port import Destination, Label
from services.backup.kept_settings.without import without_secrets
from shared.settings import Settings
from shared.written import written

_TOML = Label("application/toml; charset=utf-8")


async def keep_settings(destination: Destination, model: type[Settings], at: datetime) -> str | None:
    """Put what nightbus.toml says now, without secrets, where no copy says the same; its key, or None.

    Raises:
        UserError: there is a settings file, and it cannot be read.
        Transient: the destination failed, or is away.
    """
    if not (found := await asyncio.to_thread(written)):
        return None
    text = without_secrets(found, model).text
    if text == await latest_settings(destination):
        return None
    key = config_key(at)
    await destination.put(key, text.encode(), _TOML)
    return key


async def latest_settings(destination: Destination) -> str | None:
    """The newest copy; None where there is none.

    Raises:
        Transient: the destination failed, or is away.
    """
    keys = [stored.key async for stored in destination.list(CONFIG)]
    if not keys:
        return None
    return b"".join([data async for data in destination.read(max(keys))]).decode(errors="replace")
