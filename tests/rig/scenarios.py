"""All scenarios of links and strangers, and the few for every day."""

from __future__ import annotations

from typing import Final

from tests.rig.links import LINKS, RANDOM_LOSS, REBINDING, UDP_BLOCKED
from tests.rig.outages import OUTAGES
from tests.rig.stranger_attack import STRANGERS

ALL: Final = (*LINKS, *OUTAGES, STRANGERS)
QUICK: Final = (UDP_BLOCKED, REBINDING, RANDOM_LOSS, STRANGERS)
