"""The words every failure is translated into before it reaches the bus.

::

    NightbusError
    ├── Transient         try again later          -> nak with a growing delay
    │   ├── Unavailable   a dependency is away     -> wait in place; the event's attempts are not used up
    │   ├── Away          the file's root is away  -> nak, for as long as it takes; others go on
    │   ├── TooEarly      nothing is wrong with it -> as Transient, and told only to who asks
    │   └── Gone          the file has gone        -> nak a few times, then file.quarantined; nothing to replay
    ├── Permanent         will never work as it is -> file.quarantined + dead letter, then term
    ├── Ignorable         valid, but not for us    -> ack and count
    └── UserError         what the user asked cannot be done; the message is one clear sentence

The module that knows whether a retry is safe raises the word; ``shared.bus.delivery`` obeys it. Whatever names and
header values a sentence quotes, it is printable, on one line and of bounded length: see ``shared.inert``.
"""

from shared.inert import sentence


class NightbusError(Exception):
    """Base of every error that Nightbus raises on purpose: one sentence, or several, each on its line."""

    def __init__(self, *sentences: object) -> None:
        super().__init__(*map(sentence, sentences))

    def __str__(self) -> str:
        return "\n".join(self.args)


class Transient(NightbusError):
    """The cause is expected to pass: a file that is moving, a mount that is away."""


class Unavailable(Transient):
    """A dependency (database, broker, mount) does not answer; nothing is wrong with the event in hand."""


class Away(Transient):
    """The root of a file is not there: a disk that is unplugged, a share that is not mounted. The file waits for it."""


class TooEarly(Transient):
    """Nothing is wrong, it is only not the time yet: a file that is still being written to."""


class Gone(Transient):
    """A file is not where it was, though its root is there: it may just have moved, or somebody removed it."""


class Permanent(NightbusError):
    """Trying again cannot help. ``str(error)`` is the reason that a person reads."""


class Ignorable(NightbusError):
    """The event is well formed but needs nothing from this consumer."""


class UserError(NightbusError):
    """The request cannot be carried out. ``str(error)`` is one sentence for the terminal."""
