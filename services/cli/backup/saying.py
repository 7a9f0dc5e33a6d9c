"""How far long work is: on a terminal one line that changes, elsewhere a line for each change."""

import sys


def say(words: str, said: str) -> str:
    """Say ``words`` unless they were ``said`` last; what was said last then. Empty words end the line."""
    if words == said:
        return said
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{words}", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr)
    return words
