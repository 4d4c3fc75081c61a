"""The k of pass@k that are shown where none are asked for. Needs no numpy."""


def usual_ks(n: int) -> tuple[int, ...]:
    """The default k of pass@k for n samples a case: those of 1, 10 and 100 that are at most n."""
    return tuple(k for k in (1, 10, 100) if k <= n)
