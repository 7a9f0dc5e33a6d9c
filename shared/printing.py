"""Standard output and standard error as every process of ours has them."""

import io
import sys


def print_any_character() -> None:
    """Have a character that the terminal or file of few characters cannot hold written as its escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
