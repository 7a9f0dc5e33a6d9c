"""What the `nightbus` script runs: so little is imported here that Ctrl-C is a word from the first moment on."""

import sys

from services.cli.exits import INTERRUPTED


def main() -> None:
    """Run the command line."""
    try:
        from services.cli.main import app

        app()
    except KeyboardInterrupt:
        print("nightbus: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
