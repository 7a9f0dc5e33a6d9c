"""Distribution: masters placed beside the lights that they fit, at the level of the night's folder.

``folders`` (pure) says which folder that is, ``distributor`` plans what each session wants and has ingest place and
remove it, ``commands`` answers `nightbus calibration distribute`. What is placed is derived: never counted, archived or
taken as a source.
"""
