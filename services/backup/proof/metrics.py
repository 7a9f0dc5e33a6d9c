"""Prometheus metrics of the checks."""

from prometheus_client import Gauge

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
UNPROVEN_ARCHIVES = Gauge(
    "nightbus_backup_unproven_archives",
    "Archives that count as archived no more, since their destination lost its marker, by destination",
    ["destination"],
)
OPEN_FINDINGS = Gauge(
    "nightbus_backup_open_findings",
    "What checks found wrong and nothing has mended yet, by destination",
    ["destination"],
)
