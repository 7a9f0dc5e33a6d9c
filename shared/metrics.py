"""Prometheus metrics that every service has; what is one service's own is named in its ``metrics.py``.

Labels are few and their values are bounded: never a file, a path or a session. ``LABELS`` says what each may be.
docs/metrics.md is written from what stands here and there.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, of which nobody asks

MEASURE_EVERY_S = 15.0
"""Between two looks at the numbers that are not counted where they arise."""
LABELS = {
    "service": "a service of Nightbus",
    "subject": "a subject that a service reads",
    "consumer": "a durable consumer of a service",
    "outcome": "of events: handled, duplicate, ignored, retried or dead; of files: what the ledger calls them",
    "kind": "a kind of job",
    "state": "of jobs: the state that the attempt left them in; of files: here, missing, offline or archived_only",
    "source": "a source of the settings, or imports",
    "root": "a root: the library, an indexed tree, a source of the settings",
    "frame_type": "LIGHT, DARK, FLAT and so on, as in the view stats.files",
    "rig": "a rig, of those at work last the first fifty",
    "target": "the target of the newest frame of a rig, else what its header calls it",
    "filter": "the filter of the newest frame of a rig",
    "calibration": "of lights and requirements: matched, missing, waiting, or complete as they are",
    "destination": "a destination of the settings",
}
"""What the values of each label may be."""

HANDLED = Counter("nightbus_events_handled", "Events handled, by outcome", ["service", "subject", "outcome"])
HANDLING_SECONDS = Histogram(
    "nightbus_batch_handling_seconds",
    "Time from receiving a batch of events to settling it",
    ["service", "subject"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0),
)
CONSUMER_PENDING = Gauge(
    "nightbus_consumer_pending_events",
    "Events in the stream that were not delivered to a consumer yet",
    ["service", "subject", "consumer"],
)
CONSUMER_UNACKNOWLEDGED = Gauge(
    "nightbus_consumer_unacknowledged_events",
    "Events that were delivered to a consumer and are not settled yet",
    ["service", "subject", "consumer"],
)
PUBLISHED = Counter("nightbus_events_published", "Events stored by the stream", ["service"])
OUTBOX_WAITING = Gauge("nightbus_outbox_waiting", "Events committed but not yet in the stream", ["service"])
STREAM_FULL = Gauge(
    "nightbus_stream_paused", "1 while publishing pauses because the stream is nearly full", ["service"]
)
JOBS = Counter("nightbus_jobs", "Attempts at jobs, by the state that they left the job in", ["kind", "state"])
WAITS = Gauge("nightbus_waits", "Things that a service waits for, such as its library", ["service"])
READY = Gauge("nightbus_service_ready", "1 while the service can do its work", ["service"])
CLOCK_OFFSET = Gauge(
    "nightbus_clock_offset_seconds",
    "How far the clock of the service's host is ahead of that of Postgres, as near as the round trip allows",
    ["service"],
)


def replace(gauge: Gauge, values: Mapping[Any, float]) -> None:
    """Give a gauge these series, each by the tuple of its labels' values, and no other; those that it had go."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
