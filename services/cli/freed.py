"""What `config check` tells of sources whose files are deleted after a backup."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Settings


def notes(settings: "Settings") -> Iterator[str]:
    """Sentences for a person where no backup will ever come, so that nothing is deleted."""
    from services.backup.settings import DestinationSettings
    from services.ingest.settings import SourceSettings
    from services.settings import enabled_services

    waiting = [source.name for source in settings.sections(SourceSettings) if source.fate == "delete_after_backup"]
    if not waiting:
        return
    whose = f"the files of {'source' if len(waiting) == 1 else 'sources'} {', '.join(waiting)} are never deleted"
    if not settings.sections(DestinationSettings):
        yield f'{whose}: after_transfer = "delete_after_backup" needs an archive, and no [[destinations]] is set'
    elif "backup" not in {service.name for service in enabled_services(settings)}:
        yield f'{whose}: after_transfer = "delete_after_backup" needs the service backup; services.enabled has it not'
