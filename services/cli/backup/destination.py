"""What commands that work at a destination themselves have in common."""

import sys


def quiet_log() -> None:
    """Keep the tries of a network that fails to the log of services: a command says what came of them."""
    from shared.logging import configure_logging
    from shared.settings import LogSettings

    configure_logging(LogSettings(level="error"), "backup", sys.stderr)
