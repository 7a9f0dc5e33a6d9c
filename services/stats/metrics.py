"""Prometheus metrics of stats."""

from prometheus_client import Gauge

FRAMES = Gauge("nightbus_frames", "Files that were scanned, by frame type", ["frame_type"])
NEWEST_TIMESTAMP = Gauge(
    "nightbus_newest_frame_timestamp_seconds", "When the newest LIGHT frame of a rig was begun", ["rig"]
)
NEWEST_FWHM_ARCSECONDS = Gauge(
    "nightbus_newest_frame_fwhm_arcseconds", "Median FWHM of the newest LIGHT frame of a rig", ["rig"]
)
NEWEST_FWHM_PIXELS = Gauge(
    "nightbus_newest_frame_fwhm_pixels", "Median FWHM of the newest LIGHT frame of a rig", ["rig"]
)
NEWEST_STARS = Gauge("nightbus_newest_frame_stars", "Stars in the newest LIGHT frame of a rig", ["rig"])
NEWEST_INFO = Gauge(
    "nightbus_newest_frame_info", "1: what the newest LIGHT frame of a rig is of; one series for each rig",
    ["rig", "target", "filter"],
)  # fmt: skip
