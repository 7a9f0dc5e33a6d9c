"""file.arrived in, file.scanned out."""

from services.scanner.readers import ReaderPool
from shared.bus.publish import Publisher
from shared.events.file import FileArrived, FileScanned
from shared.settings import ScannerSettings


class FileScanner:
    """Scans arrivals and publishes what was found."""

    def __init__(self, readers: ReaderPool, publisher: Publisher, settings: ScannerSettings) -> None:
        self._readers = readers
        self._publisher = publisher
        self._roots = settings.roots

    async def scan(self, arrived: FileArrived) -> None:
        """Publish file.scanned; when it is stored, the arrival may be acknowledged.

        Raises:
            Permanent: the file cannot be read.
            Transient: it cannot be read now, or the stream did not confirm.
        """
        root_path = str(self._roots.get(arrived.root, arrived.root_path))
        reply = await self._readers.scan(arrived, root_path)
        await self._publisher.publish_raw(FileScanned.subject, reply.payload, reply.headers)
