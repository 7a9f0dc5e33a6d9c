"""The bytes of archives: tar, zstd frames, parts, manifest; without a database and without a destination."""
