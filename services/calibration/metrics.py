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
