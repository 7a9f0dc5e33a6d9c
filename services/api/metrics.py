"""Prometheus metrics of the api service."""

from prometheus_client import Gauge

DEAD_LETTERS = Gauge(
    "nightbus_dead_letters", "Letters of the register that wait for a person, by the service that gave up", ["service"]
)
