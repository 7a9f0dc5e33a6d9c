"""The contract: every event and command that crosses a service boundary.

``registry.ROUTES`` lists subject, model, publishers and readers; ``commands`` holds the requests. Models are frozen and
ignore unknown fields. Within a schema version changes are additive; golden JSON of each event is kept in
``tests/contract/golden``. ``docs/events.md`` and ``docs/asyncapi.yaml`` are generated from here (``make docs``).

This package imports pydantic and the standard library only.
"""
