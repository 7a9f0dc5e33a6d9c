"""Prometheus metrics of calibration."""

from prometheus_client import Gauge

LIGHTS = Gauge(
    "nightbus_calibration_lights", "LIGHT files by whether they have the masters that they need", ["calibration"]
)
REQUIREMENTS = Gauge(
    "nightbus_calibration_requirements", "Masters that sessions need, by whether there is one", ["calibration"]
)
MASTERS = Gauge("nightbus_calibration_masters", "Masters of the library, refused ones among them")
REFUSED = Gauge("nightbus_calibration_refused_masters", "Masters that may not be used")
RAW_FRAMES = Gauge("nightbus_calibration_raw_frames", "Raw calibration frames")
OVERDUE = Gauge(
    "nightbus_calibration_overdue_lights",
    "LIGHT files that lack a master, of sessions that were finished one to eight days ago",
)
REFUSED_REQUIREMENTS = Gauge(
    "nightbus_calibration_refused_requirements",
    "Masters that sessions need and lack since the one that fits, or was chosen, is refused",
)
FAILED_BUILDS = Gauge("nightbus_calibration_failed_builds", "Sets of raw frames whose last build of a master failed")
