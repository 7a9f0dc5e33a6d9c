"""The answer to one need: the master that fits, or why none does."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.matching import sentences
from services.calibration.matching.candidates import Candidates, Tier, age
from services.calibration.matching.compare import (
    Comparison,
    Unknown,
    compare,
    counting,
    measured,
    sorted_out,
    states_all,
)
from services.calibration.matching.model import Answer, Master, Matched, Missing, Need
from services.calibration.matching.needs import need_of
from services.calibration.matching.rules import Rules
from services.calibration.matching.weigh import Weighed, equal_exposures, weigh
from shared.events.frame import FrameType


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
    return _fits(need, tiers, weigh(need, tiers[0].positions, rules, train_changes), rules) if tiers else []


def _fits(need: Need, tiers: Sequence[Tier], weighed: Weighed, rules: Rules) -> list[Fit]:
    """The masters of the first tier, as it was weighed, that fit."""
    return [] if tiers[0].weight else _ranked(need, tiers[0], np.flatnonzero(weighed.weight == 0), rules)


def _ranked(need: Need, tier: Tier, numbers: NDArray[np.intp], rules: Rules) -> list[Fit]:
    names = counting(need.master_type, rules)
    is_stated = states_all(need.properties, names)
    found: list[Fit] = []
    for number in numbers.tolist():
        master, unknown = tier.masters[number], tier.unknown[number]
        if not (is_stated and states_all(master.properties, names)):
            unknown += sorted_out(measured(need, master, rules, ())).unknown
        found.append(Fit(_rank(need, master, unknown), master, Comparison((), unknown)))
    found.sort(key=lambda fit: fit.rank)
    return found


def _rank(need: Need, master: Master, unknown: Sequence[Unknown]) -> tuple[object, ...]:
    if need.master_type is not FrameType.MASTER_FLAT:
        return len(unknown), *age(master)
    ours, theirs = need.properties.night, master.properties.night
    apart = 1 << 30 if ours is None or theirs is None else abs((ours - theirs).days)
    return any(one.name == "filter" for one in unknown), apart, len(unknown), *age(master)


def _best(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> Answer:
    tiers = candidates.tiers(need, rules)
    weighed = weigh(need, tiers[0].positions, rules, train_changes) if tiers else None
    fits = [] if weighed is None else _fits(need, tiers, weighed, rules)
    if fits:
        first = fits[0]
        return Matched(
            first.master,
            sentences.matched(need, first.master, first.comparison, rules, [fit.master for fit in fits[1:]]),
            others=len(fits) - 1,
        )
    longer = _longer(need, candidates, rules)
    if longer:
        return _scaled(need, candidates, rules, longer)
    nearest = None if weighed is None else _nearest(need, tiers, weighed, rules, train_changes)
    comparison = None if nearest is None else compare(need, nearest, rules, train_changes)
    refused = _refused(need, candidates, rules, train_changes)
    return Missing(sentences.missing(need, rules, nearest, comparison, refused, train_changes), nearest)


def _scaled(need: Need, candidates: Candidates, rules: Rules, longer: Sequence[Fit]) -> Answer:
    """A longer dark with the bias that scaling it takes; missing where there is no bias."""
    first, others = longer[0], len(longer) - 1
    wanted = need_of(FrameType.MASTER_BIAS, need.properties, rules.bias)
    biases = fitting(wanted, candidates, rules, ())
    if not biases:
        return Missing(sentences.unscaled(need, rules, first.master, wanted), first.master)
    bias = biases[0].master
    reason = sentences.scaled(need, first.master, first.comparison, rules, bias, others)
    return Matched(first.master, reason, others=others, bias=bias)


def _longer(need: Need, candidates: Candidates, rules: Rules) -> list[Fit]:
    """Longer darks that fit but for their exposure, where darks are scaled: those of the shortest, best first."""
    exposure = need.properties.exposure_s
    if not rules.scale_darks or need.master_type is not FrameType.MASTER_DARK or exposure is None:
        return []
    tiers = candidates.tiers(need, rules)
    if not tiers or tiers[0].weight:
        return []
    lengths = tiers[0].positions.exposure_s
    fits = (weigh(need, tiers[0].positions, rules, (), any_exposure=True).weight == 0) & (lengths > exposure)
    if not fits.any():
        return []
    alike = fits & equal_exposures(float(lengths[fits].min()), tiers[0].positions)
    return _ranked(need, tiers[0], np.flatnonzero(alike), rules)


def _nearest(
    need: Need, tiers: Sequence[Tier], weighed: Weighed, rules: Rules, train_changes: Sequence[date]
) -> Master | None:
    """The master that differs least: in what weighs least, then by how much, then the newest.

    ``weighed`` is the first of the tiers.
    """
    best: tuple[float, float, float, str] | None = None
    found: Master | None = None
    for tier in tiers:
        if best is not None:
            if tier.weight > best[0]:
                break
            weighed = weigh(need, tier.positions, rules, train_changes)
        least = weighed.weight.min()
        numbers = np.flatnonzero(weighed.weight == least)
        distances = np.round(tier.distance[numbers] + weighed.distance[numbers], 6)
        first = int(distances.argmin())  # of equal ones the newest
        number = int(numbers[first])
        key = (int(least) + tier.weight, float(distances[first]), *age(tier.masters[number]))
        if best is None or key < best:
            best, found = key, tier.masters[number]
    return found


def _refused(need: Need, candidates: Candidates, rules: Rules, train_changes: Sequence[date]) -> Master | None:
    """The newest master that would fit, were it not refused."""
    tiers = candidates.tiers(need, rules, refused=True)
    if not tiers or tiers[0].weight:
        return None
    fits = np.flatnonzero(weigh(need, tiers[0].positions, rules, train_changes).weight == 0)
    return tiers[0].masters[fits[0]] if len(fits) else None


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
