"""What the `nightbus` script runs: so little is imported here that Ctrl-C is a word from the first moment on."""

import os
import sys

from services.cli.exits import INTERRUPTED


def _hand_over() -> None:
    """Hand over what is still buffered; a reader that has stopped, such as ``head``, wants none of it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end


def main() -> None:
    """Run the command line."""
    try:
        from services.cli.main import app

        try:
            app()
        finally:
            _hand_over()
    except KeyboardInterrupt:
        print("nightbus: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
