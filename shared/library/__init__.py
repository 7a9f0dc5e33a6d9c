"""Everything that touches users' files, and nothing else: no bus, no database, no network.

In:       folders that devices and programs write to (``walk``), read-only as far as we are concerned
Judged:   by name (``extensions``), rest (``settle``), declared length (``completeness``) and content (``hashing``)
Out:      verified copies under a library root (``stage``, ``place``) at a path from a ``template``
Removed:  a source file only after its content was compared with what is stored (``remove``); never anything else
Owns:     ``<root>/.nightbus/`` of writable roots: the marker ``root.json`` and the folder ``tmp`` of unfinished copies
Promises: nothing is overwritten, sources are only read, symbolic links are never followed, no path leaves its root,
          a copy gets its final name only when its bytes are durable and were read back, an unmounted volume changes
          nothing
Errors:   ``shared.errors``; every message is a sentence that names the file
Calls:    everything here blocks; services call it in threads. Reading, hashing and writing release the interpreter lock
"""
