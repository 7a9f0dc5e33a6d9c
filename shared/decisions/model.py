"""A decision of a person about a name, its key in the bucket, and what lies there."""

from abc import abstractmethod
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from shared.equipment.rigs import rig_key
from shared.errors import Permanent
from shared.events.base import CatalogId, Model
from shared.events.mistakes import first_mistake
from shared.events.values import Count, Label, Natural, Word
from shared.targets.decoration import tidy
from shared.targets.designation import parse
from shared.targets.spelling import key as spelling_key

WHOLE = "whole"
"""The key that says up to which number the bucket holds every decision."""
_KEY_DIGITS = 32


def target_key(name: str) -> str:
    """A target's name without what two spellings of it differ in: ``Messier 031`` is M31, ``cats-eye`` is Cat's Eye.

    Empty where the name holds nothing but punctuation.
    """
    plain = tidy(name)
    return parse(plain) or spelling_key(plain) or "".join(filter(str.isalnum, plain.casefold()))


def _target_name(name: str) -> str:
    if not target_key(name):
        raise ValueError(f"{name!r} is no name of a target")
    return name


def _rig_name(name: str) -> str:
    if not rig_key(name):
        raise ValueError(f"{name!r} is no name of a rig")
    return name


TargetWord = Annotated[Word, AfterValidator(_target_name)]
RigLabel = Annotated[Label, AfterValidator(_rig_name)]


class _Decided(Model):
    """What all decisions have: a kind, and a name that it is about."""

    @property
    @abstractmethod
    def about(self) -> str:
        """The normalised name that it is about."""

    @property
    def key(self) -> str:
        """Where it lies in the bucket: one decision of a kind about a name replaces the one before."""
        kind: str = getattr(self, "kind")  # noqa: B009 - each kind of decision declares its own
        return f"{kind}.{sha256(self.about.encode('utf-8', 'surrogatepass')).hexdigest()[:_KEY_DIGITS]}"


class TargetNamed(_Decided):
    """Frames whose header calls their target so show this object; else those whose folder, file or source does."""

    kind: Literal["target"] = "target"
    name: TargetWord = Field(description="as the header, a folder, a file or a source has it")
    catalog_id: CatalogId

    @property
    def about(self) -> str:
        """The normalised name that it is about."""
        return target_key(self.name)


class TargetsMerged(_Decided):
    """Whatever shows the one target counts for the other."""

    kind: Literal["merge"] = "merge"
    catalog_id: CatalogId = Field(description="the one that goes")
    into: CatalogId = Field(description="the one that stays")

    @property
    def about(self) -> str:
        """The id that goes."""
        return self.catalog_id


class RigNamed(_Decided):
    """The rig that settings, a profile or the header call so is this one."""

    kind: Literal["rig"] = "rig"
    name: RigLabel = Field(description="what it is called without the decision")
    rig: RigLabel = Field(description="what it is called by it")

    @property
    def about(self) -> str:
        """The normalised name that it is about."""
        return rig_key(self.name)


Decision = Annotated[TargetNamed | TargetsMerged | RigNamed, Field(discriminator="kind")]
DECISION: TypeAdapter[TargetNamed | TargetsMerged | RigNamed] = TypeAdapter(Decision)


class Entry(Model):
    """What lies in the bucket under a decision's key; without a decision it was withdrawn."""

    revision: Natural
    decision: Decision | None = None


class Whole(Model):
    """What lies in the bucket under ``WHOLE``: it holds every decision up to this number."""

    revision: Count


def read_entry(value: bytes) -> Entry:
    """What lies under a key.

    Raises:
        Permanent: it is no entry, or one of a kind that this version does not know.
    """
    try:
        return Entry.model_validate_json(value)
    except ValidationError as error:
        raise Permanent(f"no decision that is known here: {first_mistake(error)}") from error
