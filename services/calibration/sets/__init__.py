"""Sets: raw calibration frames that a master can be made of, and which of them are fit for that.

grouping (which frames belong together) -> judging (which are outliers, and why) -> work (keeps both up to date).
"""
