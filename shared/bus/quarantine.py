"""What a consumer that reads files says of one whose event it gives up on: file.quarantined, for the file it names."""

from uuid import UUID

from pydantic import ValidationError

from shared.events.base import FileId, Model, number_of
from shared.events.file import FileArrived, FileQuarantined
from shared.events.values import Natural, PathText, Word


class RefusedFile(Model):
    """What a file.arrived that was refused says of its file: as much as quarantine needs, or it is no such thing."""

    event_id: UUID
    file_id: FileId
    root: Word
    path: PathText
    scan_revision: Natural

    def has_its_own_id(self) -> bool:
        """As of an event."""
        identity = (getattr(self, name) for name in FileArrived.identity)
        return self.event_id.int == number_of(FileArrived.subject, identity)


def refused_file(payload: bytes) -> RefusedFile | None:
    """The file of an event that is not valid; None where it names none, or bears another id than its own."""
    try:
        named = RefusedFile.model_validate_json(payload)
    except ValidationError:
        return None
    return named if named.has_its_own_id() else None


def quarantine_of(event: object, service: str, reason: str, error: str) -> FileQuarantined | None:
    """The file.quarantined that goes with a given-up event; None where that is about no file."""
    file_id, path = getattr(event, "file_id", None), getattr(event, "path", None)
    if file_id is None and path is None:
        return None
    return FileQuarantined(
        file_id=file_id,
        root=getattr(event, "root", None),
        path=path,
        service=service,
        attempt=getattr(event, "scan_revision", 1),
        reason=reason,
        error=error or None,
    )
