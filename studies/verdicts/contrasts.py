"""What a verdict rests on, laid out to be shown: the parts of a claim's contrast, each with both sides by seed."""

from dataclasses import dataclass

import numpy as np

from studies.verdicts.claims import cells, comparisons, count, find_value, sides, tell_comparison

__all__ = ["Part", "parts"]


@dataclass(frozen=True)
class Part:
    """One comparison of a claim's contrast, seed by seed.

    a, b: (n,) what is compared, b None where a rate has nothing beside it; model: if it is that of a single one;
    judged: whether the verdict rests on it.
    """

    label: str
    a: np.ndarray
    b: np.ndarray | None
    model: str | None = None
    judged: bool = False


def parts(plan, one, found) -> list[Part]:
    """Lay out the comparisons of a judged claim that has data, the one that is judged last unless each is its own.

    one: `judging.Judged` with `a`; found: measures by cell, as `judging.gather` gives them.
    """
    if one.claim.kind == "never":
        return [*_rates(plan, one.claim, found), Part("all", one.a, None, judged=True)]
    if one.claim.contrast.each or one.claim.contrast.each_data:
        return _each(plan, one, found)
    pairs = _pairs(plan, one.claim, found)
    return [*pairs, Part("mean" if pairs else "all", one.a, one.b, judged=True)]


def _each(plan, one, found):
    of = 1 if len(one.claim.contrast.plus) == 1 else 0  # whose colour a row takes: what its label begins with
    compared, by_model = comparisons(plan, one.claim), one.claim.contrast.each
    shades = [_single(pair[of][0].model) if by_model else None for pair in compared]
    labels = [tell_comparison(plan, one.claim, i) for i in range(len(shades))]
    values = zip(labels, shades, sides(plan, one.claim, found), strict=True)
    return [Part(label, its.a, its.b, shade, judged=label == one.against) for label, shade, its in values]


def _single(names):
    return names[0] if names and len(names) == 1 else None


def _pairs(plan, claim, found):
    """Match cells across the two sides. A pair differs in exactly one of data, model or sampling, or in the latter two
    where there is one pair for each data. With a level, pair each cell with it.

    Empty if they don't match up, or are all the same, as measures of the data are under every model.
    """
    contrast = claim.contrast
    if claim.ranked_by:
        return []
    if len(contrast.plus) != 1 or len(contrast.minus) > 1:
        return []
    plus = cells(plan, contrast.plus[0])
    if not contrast.minus:
        return _beside_level(plan, claim, found, plus) if len(plus) > 1 else []
    minus = cells(plan, contrast.minus[0])
    if len(plus) != len(minus):
        return []
    pairs = list(zip(plus, minus, strict=True))
    differing = {tuple(x != y for x, y in zip(*pair, strict=True)) for pair in pairs}
    if len(pairs) < 2 or len(differing) > 1 or not _comparable(pairs, *next(iter(differing))):
        return []
    seeds = sides(plan, claim, found)[0].seeds
    values = [[_by_seed(claim, found, cell, seeds) for cell in pair] for pair in pairs]
    if all(np.array_equal(value, values[0]) for value in values):
        return []
    names = _names(plan, [cell for cell, _ in pairs])
    return [Part(label, a, b, model) for (label, model), (a, b) in zip(names, values, strict=True)]


def _comparable(pairs, sets, models, samples):
    """Say whether pairs that differ in these are worth a row each: in one axis, or in all but data, a pair a set."""
    return sets + models + samples == 1 or (not sets and len({one[0] for one, _ in pairs}) == len(pairs))


def _beside_level(plan, claim, found, chosen):
    seeds = sides(plan, claim, found)[0].seeds
    level = np.full(len(seeds), claim.contrast.level)
    named = zip(_names(plan, chosen), chosen, strict=True)
    return [Part(label, _by_seed(claim, found, cell, seeds), level, model) for (label, model), cell in named]


def _by_seed(claim, found, cell, seeds):
    return np.array([find_value(found, cell, seed, claim.measure) for seed in seeds])


def _names(plan, chosen):
    """Return (label, model) of cells, by what sets them apart; the model where it does."""
    sets, models, _ = (len(set(column)) > 1 for column in zip(*chosen, strict=True))
    if not models:
        return [(plan.label(data), None) for data, _, _ in chosen]
    on = [f", {plan.label(data)}" if sets else "" for data, _, _ in chosen]
    return [(f"{plan.label(model)}{words}", model) for words, (_, model, _) in zip(on, chosen, strict=True)]


def _rates(plan, claim, found):
    """Return a rate for each data, where the claim is about all cells."""
    where = claim.contrast.plus[0]
    if len(claim.contrast.plus) != 1 or where.data is not None:
        return []
    rates = []
    for name in plan.data_names:
        contrast = claim.contrast.model_copy(update={"plus": (where.model_copy(update={"data": (name,)}),)})
        _, rate, _, _ = count(plan, claim.model_copy(update={"contrast": contrast}), found)
        rates.append(Part(plan.label(name), rate, None))
    return rates
