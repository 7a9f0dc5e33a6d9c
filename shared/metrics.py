"""Prometheus metrics that every service has. Labels are few and bounded: never a file, a path or a target."""

from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter("nightbus_events_handled", "Events handled, by outcome", ["service", "subject", "outcome"])
HANDLING_SECONDS = Histogram(
    "nightbus_batch_handling_seconds",
    "Time from receiving a batch of events to settling it",
    ["service", "subject"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0),
)
PUBLISHED = Counter("nightbus_events_published", "Events stored by the stream", ["service"])
OUTBOX_WAITING = Gauge("nightbus_outbox_waiting", "Events committed but not yet in the stream", ["service"])
STREAM_FULL = Gauge(
    "nightbus_stream_paused", "1 while publishing pauses because the stream is nearly full", ["service"]
)
JOBS = Counter("nightbus_jobs", "Attempts at jobs, by the state that they left the job in", ["kind", "state"])
WAITS = Gauge("nightbus_waits", "Things that a service waits for, such as its library", ["service"])
READY = Gauge("nightbus_service_ready", "1 while the service can do its work", ["service"])
