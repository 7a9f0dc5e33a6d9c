"""What all commands have in common: an id, a subject, the owner's answer; and values that several of them carry."""

from typing import Annotated, ClassVar
from uuid import UUID, uuid4

from pydantic import AfterValidator, Field

from shared import inert
from shared.events.base import Model
from shared.events.values import PathText, Sentence
from shared.given import wrong_reason, wrong_stored_path


def _path_of_a_host(text: str) -> str:
    if mistake := wrong_stored_path(text):
        raise ValueError(mistake)
    if not text.startswith("/"):
        raise ValueError(f"{inert.name(text)} is not an absolute path")
    return text


def _reason_of_a_person(text: str) -> str:
    if mistake := wrong_reason(text):
        raise ValueError(mistake)
    return inert.sentence(text.strip())


MOST_IDS = 5000
"""File ids in one command, which must stay below NATS' limit of 1 MiB; an id takes 67 bytes."""
MOST_PLACES = 1000
"""Places of files in one command, for the same reason."""

HostPath = Annotated[PathText, AfterValidator(_path_of_a_host)]
PersonsReason = Annotated[str, AfterValidator(_reason_of_a_person)]


class Reply(Model):
    """The owner's answer: it was done or committed, or one sentence why it cannot be."""

    ok: bool = True
    error: Sentence | None = Field(default=None, description="one sentence for the person who asked")


class Command(Model):
    """A request to the service named in ``subject``: ``cmd.<service>.<verb>``."""

    subject: ClassVar[str]
    reply: ClassVar[type[Reply]]
    starts_work: ClassVar[bool] = True
    """Whether it is refused once it is old: who asked was told that nobody answered."""
    where_to_look: ClassVar[str] = ""
    """What is said of where to see whether it was carried out; ``{id}`` is the command's."""

    command_id: UUID = Field(default_factory=uuid4, description="idempotency id: the same id does its work once")
