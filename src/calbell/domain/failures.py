"""Failures: how often the same one is worth another try."""

from collections.abc import Mapping

from calbell.domain.outcomes import Later, Refused


def or_given_up(later: Later, met: Mapping[str, int]) -> Later | Refused:
    """Another try; or none any more, after as many attempts that failed alike as are worth making.

    `met` counts the codes that earlier attempts of the delivery met. Attempts that met something
    else do not count: whoever waited out a long outage has not tried this yet.
    """
    if later.most is None:
        return later
    alike = sum(number for code, number in met.items() if _kind(code) == _kind(later.code))
    return Refused(later.code) if alike + 1 >= later.most else later


def _kind(code: str) -> str:
    """The code without what the provider added to it."""
    return code.partition(":")[0]
