"""The bytes of archives: tar, zstd frames, parts, manifest; without a database and without a destination.

Written: ``stream`` (parts, one by one) -> ``frames`` (a member, read and proven) -> ``tar``, ``packer`` -> ``cut`` (in
parts, with their ``sums``) -> ``seek`` (the table at the end). ``begun`` is where a stream begins, ``sizes`` how large
its parts are. Read: ``extract`` -> ``untar``. Beside them: ``manifest``, ``keys``. ``model`` has the words of all.
"""
