"""`python -m bench.witness FILE ARGUMENTS…`: the gateway, which tells how many tasks it has.

It writes the number to FILE when it gets SIGUSR1.  Tasks can't be counted from outside, and the
gateway itself need not tell.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from gateway import cli


def main(arguments: list[str]) -> int:
    """Runs `camera-gateway ARGUMENTS…`."""
    file = Path(arguments[0])

    def testify(*_: object) -> None:
        # Between two steps of the event loop, so the loop is running.
        part = file.with_suffix(".part")
        part.write_text(str(len(asyncio.all_tasks())), encoding="ascii")
        part.rename(file)

    signal.signal(signal.SIGUSR1, testify)
    return cli.main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
