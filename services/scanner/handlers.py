"""file.arrived in, file.scanned out."""

from services.scanner.readers import ReaderPool
from shared.bus.publish import Publisher
from shared.errors import Away
from shared.events.file import FileArrived, FileScanned
from shared.logging import get_logger
from shared.settings import ScannerSettings

log = get_logger(__name__)


class FileScanner:
    """Scans arrivals and publishes what was found."""

    def __init__(self, readers: ReaderPool, publisher: Publisher, settings: ScannerSettings) -> None:
        self._readers = readers
        self._publisher = publisher
        self._roots = settings.roots
        self._away: set[str] = set()

    async def scan(self, arrived: FileArrived) -> None:
        """Publish file.scanned; when it is stored, the arrival may be acknowledged.

        Raises:
            Permanent: the file cannot be read.
            Transient: it cannot be read now, or the stream did not confirm.
            Away: its whole root is not there; said in the log once until it is back.
        """
        root_path = str(self._roots.get(arrived.root, arrived.root_path))
        try:
            reply = await self._readers.scan(arrived, root_path)
        except Away as error:
            if arrived.root not in self._away:
                self._away.add(arrived.root)
                log.warning("a root is away, its files wait", root=arrived.root, reason=str(error))
            raise
        if arrived.root in self._away:
            self._away.discard(arrived.root)
            log.info("a root is back", root=arrived.root)
        await self._publisher.publish_raw(FileScanned.subject, reply.payload, reply.headers)
