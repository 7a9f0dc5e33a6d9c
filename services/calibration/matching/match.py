"""The answer to one need: the master that fits, or why none does."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from services.calibration.matching import sentences
from services.calibration.matching.candidates import Candidates, Entry, outwards, within
from services.calibration.matching.compare import (
    Comparison,
    Unknown,
    compare,
    exposures_equal,
    measured,
    sorted_out,
)
from services.calibration.matching.model import Answer, Master, Matched, Missing, Need
from services.calibration.matching.needs import need_of
from services.calibration.matching.rules import Rules
from shared.events.frame import FrameType

__all__ = ["Candidates", "match"]


class Fit(NamedTuple):
    """A master that fits, and by what it is ranked among those that do: the least first."""

    rank: tuple[object, ...]
    master: Master
    comparison: Comparison


def match(
    need: Need,
    candidates: Candidates,
    rules: Rules,
    *,
    pinned: str | None = None,
    train_changes: Sequence[date] = (),
) -> Answer:
    """The master for a need, and why; the same whatever the order of the masters.

    A master that a person chose (``pinned``, its file_id) goes before all others and is never replaced: where it cannot
    be used the answer is that it is missing. ``train_changes`` are the nights from which on the rig's optical train was
    another.
    """
    if pinned is not None:
        return _chosen(need, candidates, rules, pinned, train_changes)
    return _best(need, candidates, rules, train_changes)


def fitting(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> list[Fit]:
    """All masters that fit, best first: what is known to be equal, the nearest night, the newest."""
    tiers = candidates.tiers(need, rules)
    if not tiers or tiers[0].weight:
        return []
    found: list[Fit] = []
    for entry in within(tiers[0], need, rules):
        here = sorted_out(measured(need, entry.master, rules, train_changes))
        if not here.differences:
            unknown = (*entry.unknown, *here.unknown)
            found.append(Fit(_rank(need, entry, unknown), entry.master, Comparison((), unknown)))
    found.sort(key=lambda fit: fit.rank)
    return found


def _rank(need: Need, entry: Entry, unknown: Sequence[Unknown]) -> tuple[object, ...]:
    if need.master_type is not FrameType.MASTER_FLAT:
        return len(unknown), *entry.age
    ours, theirs = need.properties.night, entry.master.properties.night
    apart = 1 << 30 if ours is None or theirs is None else abs((ours - theirs).days)
    return any(one.name == "filter" for one in unknown), apart, len(unknown), *entry.age


def _best(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> Answer:
    fits = fitting(need, candidates, rules, train_changes)
    if fits:
        first = fits[0]
        return Matched(
            first.master,
            sentences.matched(need, first.master, first.comparison, rules, [fit.master for fit in fits[1:]]),
            others=len(fits) - 1,
        )
    scaled = _scaled(need, candidates, rules)
    if isinstance(scaled, Matched):
        return scaled
    nearest = _nearest(need, candidates, rules, train_changes)
    refused = _refused(need, candidates, rules, train_changes)
    reason = sentences.missing(
        need, rules, nearest, compare(need, nearest, rules, train_changes) if nearest else None, refused, scaled
    )
    return Missing(reason, nearest)


def _scaled(need: Need, candidates: Candidates, rules: Rules) -> Matched | str | None:
    """A longer dark with the bias that scaling it takes; a sentence where there is the dark and no bias."""
    exposure = need.properties.exposure_s
    if not rules.scale_darks or need.master_type is not FrameType.MASTER_DARK or exposure is None:
        return None
    longer = _longer(need, candidates, rules)
    if not longer:
        return None
    first = longer[0]
    bias = need_of(FrameType.MASTER_BIAS, need.properties, rules.bias)
    biases = fitting(bias, candidates, rules, ())
    if not biases:
        return sentences.unscaled(first.master, need)
    return Matched(
        first.master,
        sentences.scaled(need, first.master, first.comparison, rules, biases[0].master, len(longer) - 1),
        others=len(longer) - 1,
        bias=biases[0].master,
    )


def _longer(need: Need, candidates: Candidates, rules: Rules) -> list[Fit]:
    """Longer darks that fit but for their exposure: those of the shortest exposure, best first."""
    tiers = candidates.tiers(need, rules)
    exposure = need.properties.exposure_s
    if not tiers or tiers[0].weight or exposure is None:
        return []
    found: list[Fit] = []
    shortest: float | None = None
    first = bisect_left(tiers[0].keys, exposure)
    for length, entry in zip(tiers[0].keys[first:], tiers[0].entries[first:], strict=True):
        if shortest is not None and not exposures_equal(shortest, length):
            break
        here = sorted_out(measured(need, entry.master, rules, ()))
        if any(one.name != "exposure_s" for one in here.differences):
            continue
        shortest = length if shortest is None else shortest
        unknown = (*entry.unknown, *here.unknown)
        found.append(Fit(_rank(need, entry, unknown), entry.master, Comparison((), unknown)))
    found.sort(key=lambda fit: fit.rank)
    return found


def _nearest(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> Master | None:
    """The master that differs least: in what weighs least, then by how much, then the newest; None without any."""
    best: tuple[float, float, float, str] | None = None
    found: Master | None = None
    for tier in candidates.tiers(need, rules):
        if best is not None and tier.weight > best[0]:
            break
        for (weight, distance), entry in outwards(tier, need, rules):
            if best is not None and (tier.weight + weight, round(distance, 6)) > best[:2]:
                break
            here = sorted_out(measured(need, entry.master, rules, train_changes))
            key = (tier.weight + here.weight, round(entry.distance + here.distance, 6), *entry.age)
            if best is None or key < best:
                best, found = key, entry.master
    return found


def _refused(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> Master | None:
    """The newest master that would fit, were it not refused."""
    tiers = candidates.tiers(need, rules, refused=True)
    if not tiers or tiers[0].weight:
        return None
    fits = [
        entry
        for entry in within(tiers[0], need, rules)
        if not sorted_out(measured(need, entry.master, rules, train_changes)).differences
    ]
    return min(fits, key=lambda entry: entry.age).master if fits else None


def _chosen(need: Need, candidates: Candidates, rules: Rules, pinned: str, train_changes: Sequence[date]) -> Answer:
    """The answer where a person chose a master."""
    master = candidates.by_id.get(pinned)
    why_not = sentences.unusable(need, master)
    if master is None or why_not:
        instead = _best(need, candidates, rules, train_changes)
        return Missing(sentences.chosen_missing(why_not, instead), master)
    comparison = compare(need, master, rules, train_changes)
    others = [fit.master for fit in fitting(need, candidates, rules, train_changes) if fit.master is not master]
    bias = None
    if rules.scale_darks and any(one.name == "exposure_s" for one in comparison.differences):
        biases = fitting(need_of(FrameType.MASTER_BIAS, need.properties, rules.bias), candidates, rules, ())
        bias = biases[0].master if biases else None
    return Matched(
        master,
        sentences.chosen(need, master, comparison, rules, bias),
        others=len(others),
        is_pinned=True,
        bias=bias,
    )
