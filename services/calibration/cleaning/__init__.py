"""Clean-up: raw calibration frames may go once their master stands for them, and never before.

``fates`` (pure) says of each set whether it may go, or why it stays; ``cleaner`` does it as a job: it has looked at
the stored bytes of the master now, and only then asks ingest to remove the frames. Order: BIAS, DARK, FLAT.
"""
