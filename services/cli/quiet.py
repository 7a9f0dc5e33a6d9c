"""What commands keep to themselves that do the work of a service in their own process."""

import sys


def quiet_log() -> None:
    """Keep the tries of a network that fails to the log of services: a command says what came of them."""
    from shared.logging import configure_logging
    from shared.settings import LogSettings

    configure_logging(LogSettings(level="error"), "cli", sys.stderr)
