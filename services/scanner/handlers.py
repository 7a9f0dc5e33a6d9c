"""file.arrived in, file.scanned out."""

from collections.abc import Mapping
from pathlib import Path

from services.scanner.readers import ReaderPool
from shared.bus.publish import Publisher
from shared.errors import Away
from shared.events.file import FileArrived, FileScanned
from shared.waits import Waits, of_root


async def scan_arrival(
    readers: ReaderPool, roots: Mapping[str, Path], publisher: Publisher, waits: Waits, arrived: FileArrived
) -> None:
    """Scan a file and publish file.scanned; when that is stored, the arrival may be acknowledged.

    ``roots`` are folders of roots that lie elsewhere on this host than where ingest sees them, by name.

    Raises:
        Permanent: the file cannot be read.
        Transient: it cannot be read now, or the stream did not confirm.
        Away: its whole root is not there; what waits for it is said.
        Gone: it is not there, though its root is.
    """
    root = of_root(arrived.root)
    root_path = str(roots.get(arrived.root, arrived.root_path))
    try:
        reply = await readers.scan(arrived, root_path)
    except Away:
        waits.begin(root, f"{root_path} is not there, and the files in it wait")
        raise
    waits.end(root)
    await publisher.publish_raw(FileScanned.subject, reply.payload, reply.headers)
