"""All scenarios of links and strangers, all trials, and the few for every day."""

from __future__ import annotations

from typing import Final

from tests.rig.blocked_ways import AT_A_GLANCE, BLOCKED_WAYS
from tests.rig.camera_faults import CAMERA_FAULTS
from tests.rig.interruptions import INTERRUPTIONS
from tests.rig.links import LINKS, RANDOM_LOSS, REBINDING, UDP_BLOCKED
from tests.rig.many_tiles import MANY_TILES
from tests.rig.narrow_ways import NARROW_WAYS
from tests.rig.outages import OUTAGES
from tests.rig.stranger_attack import STRANGERS
from tests.rig.substream import SUBSTREAM

ALL: Final = (*LINKS, *OUTAGES, STRANGERS)
QUICK: Final = (UDP_BLOCKED, REBINDING, RANDOM_LOSS, STRANGERS)
TRIALS: Final = (*CAMERA_FAULTS, *BLOCKED_WAYS, *INTERRUPTIONS, *NARROW_WAYS, *SUBSTREAM, *MANY_TILES)
QUICK_TRIALS: Final = (AT_A_GLANCE,)
