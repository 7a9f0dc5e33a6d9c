"""Pixels of calibration frames: read in strips of rows, so that memory stays bounded, and levels measured of them."""
