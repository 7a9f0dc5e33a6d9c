"""How far something is: on a terminal one line that changes, elsewhere a line for each step."""

import sys


class Line:
    """Progress on standard error."""

    def __init__(self) -> None:
        self._shown = ""

    def say(self, words: str) -> None:
        """A step begins."""
        self.end()
        print(words, file=sys.stderr, flush=True)

    def update(self, words: str) -> None:
        """How far the step is; shown on a terminal alone."""
        if words != self._shown and sys.stderr.isatty():
            self._shown = words
            print(f"\r\x1b[2K{words}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Nothing changes any more."""
        if self._shown:
            print(file=sys.stderr)
        self._shown = ""
