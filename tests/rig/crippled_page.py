"""The page without one of its remedies, for `tests.rig.crippled`: its modules with another text in one of them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.assets import static_dir


@dataclass(frozen=True, slots=True)
class Cut:
    """`text` stands in exactly one place of all the page's modules; there it becomes `instead`."""

    text: str
    instead: str


REMEDIES: Final[dict[str, tuple[Cut, ...]]] = {
    # The next rung starts only when the one before has failed.
    "warming": (Cut("WARM_AFTER_MS = 400;", "WARM_AFTER_MS = 60_000;"),),
    "failure-memory": (Cut("this.#read().get(this.#network()) ?? []", "[]"),),
    # What was once given up is never tried again while something worse plays.
    "probing": (
        Cut("return this.#isContent && this.#trials.size === 0 && this.#better().length > 0;", "return false;"),
    ),
    # Something better is tried in place of what is shown, not below it.
    "background": (
        Cut(
            "if (rung === undefined) return [];\n    this.#trials.set(rung, nowMs);\n",
            "if (rung === undefined) return [];\n    this.#trials.set(rung, nowMs);\n"
            "    const given = this.#shown ?? '';\n    this.#shown = null;\n"
            "    if (given) return [{ do: 'stop', rung: given, reason: 'given up' }, { do: 'start', rung }];\n",
        ),
    ),
    # The gateway's word that the camera is away is not heeded.
    "camera-word": (Cut("cameraLive: state === 'live',", "cameraLive: true,"),),
    # The gateway's word that a link carries too little is not heeded.
    "fallback-word": (Cut("this.#climb.faltered({ loss: true })", "void 0"),),
    # That the gateway answers again hurries nothing.
    "gateway-return": (Cut("this.#search.resume();", ""),),
    # A socket that does not open is tried less and less often.
    "socket-retries": (Cut("const LONGEST_RETRY_MS = 2000;", "const LONGEST_RETRY_MS = 60_000;"),),
}


def place_of(cut: Cut, folder: Path) -> Path:
    """The module that has the text; ValueError where none or several have it: nothing certain would be cut."""
    found = [path for path in folder.rglob("*.js") if cut.text in path.read_text(encoding="utf-8")]
    if len(found) != 1 or found[0].read_text(encoding="utf-8").count(cut.text) != 1:
        raise ValueError(f"{cut.text!r} should stand once in the page's modules, but does in {[str(p) for p in found]}")
    return found[0]


def crippled_page(cuts: Sequence[Cut]) -> Path:
    """A folder like `static`, until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="crippled-page-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(static_dir(), folder, dirs_exist_ok=True)
    for cut in cuts:
        module = place_of(cut, folder)
        module.write_text(module.read_text(encoding="utf-8").replace(cut.text, cut.instead), encoding="utf-8")
    return folder
