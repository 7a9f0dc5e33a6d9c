"""Events about single frames: the verdict on a frame, and what a person assigned to it."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CatalogId, Event, FileId, Model
from shared.events.values import Label, Natural, Real, Sentence, Word


class Verdict(StrEnum):
    """What a review decided about a frame."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"
    UNDECIDED = "undecided"


class Reason(Model):
    """One reason behind a verdict, with the numbers that it rests on."""

    code: Word = Field(description="short stable word, such as hfr, clouds or rms")
    sentence: Sentence = Field(description="for a person, numbers and units included")
    value: Real | None = None
    limit: Real | None = None


class FrameJudged(Event):
    """Review has decided about a frame. Only a higher verdict number overrides a lower one."""

    subject: ClassVar[str] = "frame.judged"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "verdict_number")

    file_id: FileId
    verdict_number: Natural
    verdict: Verdict
    by: Literal["pass1", "pass2", "grade", "person"]
    person: Word | None = None
    reasons: tuple[Reason, ...] = ()


class FrameAssigned(Event):
    """A person set a frame's target or rig, merged targets, or undid one of these."""

    subject: ClassVar[str] = "frame.assigned"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "assignment_number")

    file_id: FileId
    assignment_number: Natural
    catalog_id: CatalogId | None = None
    rig: Label | None = None
    cause: Literal["person", "merge", "undo"]
    person: Word | None = None
