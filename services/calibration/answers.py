"""From a need and the masters to its answer: the row that is kept, and the event where the answer is another one."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from services.calibration.matching.model import Matched, Need
from services.calibration.matching.shopping import to_capture
from services.calibration.rows import Answered, Known
from services.calibration.ruling import Ruling
from shared.events.calibration import CalibrationMatched, CalibrationMissing, Capture, Requirement

if TYPE_CHECKING:
    from services.calibration.matching.candidates import Candidates


class Told(NamedTuple):
    """An answer, and what others are told of it."""

    row: Answered
    event: CalibrationMatched | CalibrationMissing | None
    """None: state, master and bias are as they were told."""


def answers(
    needs: Sequence[Known], candidates: "Candidates", ruling: Ruling, changes: Mapping[str, Sequence[date]]
) -> list[Told]:
    """The answers to needs; ``changes`` are those of the optical train by rig."""
    return [_answer(known, candidates, ruling, changes) for known in needs]


def requirement_of(requirement_id: str, need: Need) -> Requirement:
    """A need as events have it."""
    return Requirement(requirement_id=requirement_id, master_type=need.master_type, **need.properties._asdict())


def _answer(known: Known, candidates: "Candidates", ruling: Ruling, changes: Mapping[str, Sequence[date]]) -> Told:
    from services.calibration.matching.match import match

    rules = ruling.of(known.rig, known.camera)
    train_changes = changes.get(known.rig or "", ())
    found = match(known.need, candidates, rules, pinned=known.pinned, train_changes=train_changes)
    if isinstance(found, Matched):
        return _matched(known, found)
    row = _row(known, "missing", None, None, found.reason)
    shopping = to_capture(known.need, rules.min_frames, rules.flat_nights, train_changes)
    row = row._replace(
        nearest_file_id=None if found.nearest is None else found.nearest.file_id,
        capture_type=shopping.frame_type.value,
        capture_frames=shopping.frames,
        capture_s=shopping.total_s,
        capture_words=shopping.sentence,
    )
    if row.revision == known.revision:
        return Told(row, None)
    return Told(
        row,
        CalibrationMissing(
            session_id=known.session_id,
            requirement_id=known.requirement_id,
            revision=row.revision,
            requirement=requirement_of(known.requirement_id, known.need),
            reason=found.reason,
            nearest_file_id=row.nearest_file_id,
            capture=Capture(
                frame_type=shopping.frame_type,
                frames=shopping.frames,
                total_s=shopping.total_s,
                words=shopping.sentence,
            ),
            lights=known.lights,
            rig=known.rig,
        ),
    )


def _matched(known: Known, found: Matched) -> Told:
    bias = None if found.bias is None else found.bias.file_id
    row = _row(known, "matched", found.master.file_id, bias, found.explanation)
    row = row._replace(is_pinned=found.is_pinned, others=found.others)
    if row.revision == known.revision:
        return Told(row, None)
    return Told(
        row,
        CalibrationMatched(
            session_id=known.session_id,
            requirement_id=known.requirement_id,
            revision=row.revision,
            requirement=requirement_of(known.requirement_id, known.need),
            master_file_id=found.master.file_id,
            bias_file_id=bias,
            explanation=found.explanation,
            is_pinned=found.is_pinned,
            others=found.others,
            lights=known.lights,
            rig=known.rig,
        ),
    )


def _row(known: Known, state: str, master: str | None, bias: str | None, explanation: str) -> Answered:
    """A row without what depends on the kind of answer; its revision grows where the answer is another one."""
    is_same = (state, master, bias) == (known.state, known.master_file_id, known.bias_file_id)
    return Answered(
        known.need_no, state, master, bias, None, explanation, False, 0, None, None, None, None,
        known.revision + (0 if is_same else 1),
    )  # fmt: skip
