"""Prometheus metrics of backup."""

from prometheus_client import Counter, Gauge

LAST_SUCCESS = Gauge(
    "nightbus_backup_last_success_timestamp_seconds", "When an archive was last verified, by destination",
    ["destination"],
)  # fmt: skip
SENT_BYTES = Counter("nightbus_backup_sent_bytes", "Bytes that destinations took, by destination", ["destination"])
UNPROTECTED_FILES = Gauge("nightbus_backup_unprotected_files", "Files that can be read and that no destination has")
UNPROTECTED_BYTES = Gauge("nightbus_backup_unprotected_bytes", "Their size")
LAST_VERIFICATION = Gauge(
    "nightbus_backup_last_verification_timestamp_seconds",
    "When a verification last came to its end, by destination",
    ["destination"],
)
LAST_DRILL = Gauge(
    "nightbus_backup_last_drill_timestamp_seconds",
    "When a restore drill last came to its end, by destination",
    ["destination"],
)
OPEN_FINDINGS = Gauge(
    "nightbus_backup_open_findings",
    "What checks found wrong and nothing has mended yet, by destination",
    ["destination"],
)
