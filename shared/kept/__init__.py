"""Events as they are kept: packed in a fifth of their length, and given back byte for byte as they were published.

The last file.scanned of each file, header cards included, stands behind the view ``stats.scanned_event``, packed. A
service that comes later, or wants a field that nobody read before, pages through that view by ``event_no`` and feeds
what ``unpack`` gives back to its handlers; no file is read again::

    SELECT event_no, packed FROM stats.scanned_event WHERE event_no > $1 ORDER BY event_no LIMIT 1000

    event = FileScanned.model_validate_json(unpack(row["packed"]))
"""

from shared.kept.codec import check_length, pack, pack_all, unpack

__all__ = ["check_length", "pack", "pack_all", "unpack"]
