"""Everything that touches users' files, and nothing else: no bus, no database, no network.

In:       folders that devices and programs write to (``walk``), read-only as far as we are concerned
Judged:   by name (``extensions``), rest (``settle``), declared length (``completeness``) and content (``hashing``)
Out:      verified copies under a library root (``stage``, ``place``) at a path from a ``template``
Removed:  a source file only after its content and that of the stored copy were read once more (``remove``)
Mended:   a stored copy that rotted (``stored``) by a good one; the damaged one is kept aside for good (``mend``)
Owns:     ``<root>/.nightbus/`` of writable roots: the marker ``root.json``, ``tmp`` with copies that are not finished,
          and ``damaged``, from which nothing is ever removed
Promises: nothing is overwritten, sources are only read, symbolic links are never followed, no path leaves its root,
          a copy gets its final name only when its bytes are durable and were read back, an unmounted volume changes
          nothing
Errors:   ``shared.errors``; every message is a sentence that names the file
Calls:    everything here blocks; services call it in threads. Reading, hashing and writing release the interpreter lock
"""
