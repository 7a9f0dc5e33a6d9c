"""What a run of retention would do: read from views alone, so that the command line can say it as well."""

from zoneinfo import ZoneInfo

from services.backup.retention.archives import archives_to_remove
from services.backup.retention.dumps import KeptDumps, dumps_to_remove
from services.backup.retention.model import RetentionPlan
from services.backup.settings import BackupSettings
from services.backup.store import retention
from services.backup.store.retention import Reading
from shared.quantities import size

GB = 1_000_000_000


async def read_plan(connection: Reading, settings: BackupSettings) -> RetentionPlan:
    """What may go by the settings, and what is over its cap. In a transaction, so that all of it is of one moment."""
    kept = KeptDumps(
        settings.keep_daily_dumps, settings.keep_weekly_dumps, settings.keep_monthly_dumps, ZoneInfo(settings.time_zone)
    )
    removals = dumps_to_remove(await retention.dumps(connection), kept)
    if settings.delete_forgotten:
        removals += archives_to_remove(await retention.candidates(connection))
    stored = await retention.stored_bytes(connection)
    return RetentionPlan(
        removals, [_over(name, taken, settings) for name, taken in stored.items() if _is_over(taken, settings)]
    )


def _is_over(size_bytes: int, settings: BackupSettings) -> bool:
    return settings.warn_above_gb is not None and size_bytes > settings.warn_above_gb * GB


def _over(destination: str, size_bytes: int, settings: BackupSettings) -> str:
    cap = size((settings.warn_above_gb or 0.0) * GB)
    return f"the destination {destination} holds {size(size_bytes)}, more than {cap}: nothing is deleted for that"
