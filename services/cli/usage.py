"""Wrong usage: what a person typed is no request at all. One sentence and exit code 2, as for an unknown option."""

from shared.errors import UserError


class WrongUsage(UserError):
    """The words of the command do not go together, or one of them is malformed."""
