"""nightbus.toml as it is kept at a destination: without its secrets, and how a new machine gets them back.

``toml`` (writing TOML), ``without`` (taking the secrets out), ``back`` (putting them in again), ``copy`` (to a
destination).
"""
