"""file.arrived in, file.scanned out."""

from services.scanner.readers import ReaderPool
from services.scanner.settings import ScannerSettings
from shared.bus.publish import Publisher
from shared.errors import Away
from shared.events.file import FileArrived, FileScanned
from shared.waits import Waits, of_root


class FileScanner:
    """Scans arrivals and publishes what was found."""

    def __init__(self, readers: ReaderPool, publisher: Publisher, settings: ScannerSettings, waits: Waits) -> None:
        self._readers = readers
        self._publisher = publisher
        self._roots = settings.roots
        self._waits = waits

    async def scan(self, arrived: FileArrived) -> None:
        """Publish file.scanned; when it is stored, the arrival may be acknowledged.

        Raises:
            Permanent: the file cannot be read.
            Transient: it cannot be read now, or the stream did not confirm.
            Away: its whole root is not there; what waits for it is said.
            Gone: it is not there, though its root is.
        """
        root = of_root(arrived.root)
        root_path = str(self._roots.get(arrived.root, arrived.root_path))
        try:
            reply = await self._readers.scan(arrived, root_path)
        except Away:
            self._waits.begin(root, f"{root_path} is not there, and the files in it wait")
            raise
        self._waits.end(root)
        await self._publisher.publish_raw(FileScanned.subject, reply.payload, reply.headers)
