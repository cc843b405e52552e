"""Brake: notices when suddenly far too many phones are called gone."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

import structlog

from calbell.domain.sightings import WAVE_SPAN, is_wave

log = structlog.get_logger()


class Brake:
    """Counts what one process hears about the phones of each project in the last minutes: from
    tickets or from receipts, which come later and may say the opposite."""

    def __init__(self) -> None:
        self._heard = dict[int, deque[tuple[datetime, int, int]]]()
        self._in_wave = set[int]()

    def hear(self, project_id: int, outcomes: Iterable[bool], now: datetime) -> bool:
        """Of some phones of the project one request told whether they are gone. Whether these
        answers are part of a wave."""
        told = list(outcomes)
        heard = self._heard.setdefault(project_id, deque())
        heard.append((now, len(told), sum(told)))
        while not now - WAVE_SPAN <= heard[0][0] <= now:
            # The second comparison is for a clock that was set back.
            heard.popleft()
        in_wave = is_wave((number, gone) for _, number, gone in reversed(heard))
        self._note(project_id, in_wave)
        return in_wave

    def _note(self, project_id: int, in_wave: bool) -> None:
        if in_wave and project_id not in self._in_wave:
            log.warning("wave_of_gone_phones", project=project_id)
            self._in_wave.add(project_id)
        elif not in_wave:
            self._in_wave.discard(project_id)
