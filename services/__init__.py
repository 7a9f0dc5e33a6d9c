"""One folder per process. Read each in this order: app.py, handlers.py, the pure files, store.py."""
