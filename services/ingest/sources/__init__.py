"""Sources: where captures land, behind one port.

``port`` is what ingest asks of a place, ``folder`` (with ``inotify``) the adapter for folders of this system, and
``kinds`` makes the adapter that the settings describe. docs/howto/add-a-source.md tells what a new one needs.
"""
