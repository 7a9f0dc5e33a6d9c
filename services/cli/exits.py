"""Exit codes."""

FAILED = 1
USAGE = 2
"""What was typed is no request at all."""
NO_ANSWER = 3
"""The question was understood, and there is no answer to it."""
INTERRUPTED = 130
