"""One folder per process. Read each in this order: app.py, handlers.py, the pure files, store.py."""

import shared  # noqa: F401 - first of all, so that it has its say before anything loads nats-py
