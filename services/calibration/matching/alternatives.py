"""All masters of a type as seen from one need: what `calibration why` prints, and what a person can choose from."""

from collections.abc import Sequence
from datetime import date

from services.calibration.matching import sentences
from services.calibration.matching.candidates import Candidates, age
from services.calibration.matching.compare import compare
from services.calibration.matching.match import fitting
from services.calibration.matching.model import Master, Need
from services.calibration.matching.rules import Rules


def alternatives(
    need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date] = (), *, limit: int = 10
) -> list[tuple[Master, bool, str]]:
    """Masters with whether they fit and a sentence each, nearest first: those that fit in the order of choice.

    The others follow by how little they differ: for flats of another night the nearest, then older ones. A refused
    master fits never, and its sentence says why.
    """
    fits = fitting(need, candidates, rules, train_changes)
    found: list[tuple[Master, bool, str]] = [
        (fit.master, True, sentences.matched(need, fit.master, fit.comparison, rules, ())) for fit in fits[:limit]
    ]
    fitting_ids = {fit.master.file_id for fit in fits}
    rest = [
        (comparison.weight, round(comparison.distance, 6), age(master), master, comparison)
        for master in candidates.of_type(need.master_type)
        if master.file_id not in fitting_ids
        for comparison in [compare(need, master, rules, train_changes)]
    ]
    rest.sort(key=lambda row: row[:3])
    for _weight, _distance, _age, master, comparison in rest[: max(limit - len(found), 0)]:
        found.append((master, False, sentences.not_fitting(need, master, comparison, rules)))
    return found
