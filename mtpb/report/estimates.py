"""Means over problems as cells of a table: a value with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtpb.rundir.verdicts import Floats
from mtpb.statistics.intervals import bootstrap_interval, group_figures
from mtpb.tables import Estimate


def estimate(values: Floats) -> Estimate:
    """Mean over problems with its interval; values [P] in [0, 1]."""
    value, low, high = group_figures(values[:, None])[0]
    return Estimate(None) if np.isnan(value) else Estimate(float(value), float(low), float(high))


def paired(differences: Floats) -> Estimate:
    """Mean of differences of rates with its interval; differences [P] in [-1, 1]."""
    shifted = estimate((1 + differences) / 2)  # to [0, 1], for which intervals are defined
    if shifted.value is None or shifted.low is None or shifted.high is None:
        return shifted
    return Estimate(*(2 * end - 1 for end in (shifted.value, shifted.low, shifted.high)))


def unbounded(values: Floats) -> Estimate:
    """Mean of figures without an upper bound, with its interval; a single one has none."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return Estimate(float(known[0]) if len(known) else None)
    low, high = bootstrap_interval(known[:, None])[0]
    return Estimate(float(known.mean()), float(low), float(high))


def of_summary(figures: Mapping[str, Any], name: str) -> Estimate:
    """A figure of metrics.json with its interval."""
    low, high = figures["intervals"].get(name) or (None, None)
    return Estimate(figures[name], low, high)


def mean(values: Floats) -> float:
    """Mean of the values that are not NaN; minus infinity, the worst, if there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else -np.inf
