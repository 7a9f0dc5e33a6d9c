"""Prometheus metrics of ingest."""

from prometheus_client import Counter, Gauge

STREAM_BYTES = Gauge("nightbus_stream_bytes", "Size of the stream of events, whose janitor ingest is")
STREAM_LIMIT_BYTES = Gauge("nightbus_stream_limit_bytes", "Size that the stream of events may have; 0: no limit")
INGESTED_FILES = Counter(
    "nightbus_ingested_files", "Files of sources by what they were recorded as; a failure counts at each try",
    ["source", "outcome"],
)  # fmt: skip
INGESTED_BYTES = Counter("nightbus_ingested_bytes", "Size of the files whose content was new", ["source"])
SOURCE_REACHABLE = Gauge(
    "nightbus_source_reachable", "1 while the folder of a source can be read, 0 while it is away or foreign", ["source"]
)
SOURCE_LAST_WALK = Gauge(
    "nightbus_source_last_walk_timestamp_seconds", "When the last complete walk over a source ended", ["source"]
)
ROOT_REACHABLE = Gauge("nightbus_root_reachable", "1 while a root in which files lie is online, else 0", ["root"])
ROOT_FREE_BYTES = Gauge("nightbus_root_free_bytes", "What is free on the disk of a root", ["root"])
ROOT_SIZE_BYTES = Gauge("nightbus_root_size_bytes", "Size of the disk of a root", ["root"])
ROOT_NIGHTS_LEFT = Gauge(
    "nightbus_root_nights_left", "Nights like the last ten until the disk of a root is full; absent where unknown",
    ["root"],
)  # fmt: skip
FILES = Gauge(
    "nightbus_files", "Contents that ever arrived and were not forgotten, by whether they can be read", ["state"]
)
FILE_BYTES = Gauge("nightbus_file_bytes", "Their size")
