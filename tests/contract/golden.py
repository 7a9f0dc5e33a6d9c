"""The golden files: one JSON of every event, command and reply, kept as the record of what travels on the wire."""

import json
from pathlib import Path

from pydantic import ValidationError

from shared.events.base import Model

GOLDEN = Path(__file__).parent / "golden"
EARLIER = GOLDEN / "earlier"
"""Events of earlier schema versions, as <subject>.<version>.json: they are kept for decades, and read."""


def render(model: Model) -> str:
    """A model as its golden file holds it: the wire's JSON, indented."""
    return json.dumps(json.loads(model.model_dump_json()), indent=2, ensure_ascii=False) + "\n"


def broken(kept: str, example: Model) -> list[str]:
    """Why a kept golden file and the model of today do not agree any more; empty when only additions were made.

    Every field that the file holds must still be there with the same JSON, the event id included.
    """
    name = type(example).__name__
    try:
        read = json.loads(type(example).model_validate_json(kept).model_dump_json())
    except ValidationError as error:
        return [f"{name} cannot read its golden file: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}"]
    reasons = _lost(json.loads(kept), read, name)
    derive_id = getattr(example, "derive_id", None)
    if derive_id is not None and str(derive_id()) != json.loads(kept)["event_id"]:
        reasons.append(f"{name}: the example's event id is not the one in its golden file")
    return reasons


def _lost(kept: object, now: object, place: str) -> list[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        return [
            reason
            for key, value in kept.items()
            for reason in (_lost(value, now[key], f"{place}.{key}") if key in now else [f"{place}.{key} is gone"])
        ]
    if isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        return [
            reason
            for index, (before, after) in enumerate(zip(kept, now, strict=True))
            for reason in _lost(before, after, f"{place}[{index}]")
        ]
    return [] if kept == now and type(kept) is type(now) else [f"{place} was {kept!r} and is read as {now!r}"]
