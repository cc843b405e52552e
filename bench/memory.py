"""Memory: what an idle `calbell serve` holds, shared pages included, three seconds after its start.

Nobody has asked it for anything: what a first request loads is not in the figure.
"""

import time

from bench.databases import prepared
from bench.figures import Figure, Reading
from bench.program import calbell
from bench.stage import Stage

AFTER_SECONDS = 3.0


def idle(stage: Stage) -> list[Reading]:
    """Resident memory in millions of bytes."""
    with stage.databases.fresh() as url:
        with prepared(url):
            pass
        with calbell(stage.run(url), "serve", "--port", "0") as program:
            time.sleep(AFTER_SECONDS)
            return [Reading(Figure.MEMORY, program.resident_bytes() / 1e6)]
