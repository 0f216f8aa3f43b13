"""The page with one of its remedies cut out, so that tests can show that they notice: no switch of the product."""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Error, Page

from gateway.assets import static_dir


@dataclass(frozen=True, slots=True)
class Cut:
    """`text` stands in exactly one place of all the page's modules; there it becomes `instead`."""

    text: str
    instead: str


def _first(line: str, what: str) -> Cut:
    """`what` comes to be the first that is done by the function or method which begins with `line`."""
    return Cut(f"\n{line}\n", f"\n{line}\n{what}\n")


_ABLE: Final = "{ webrtc: ['h264/42e01f'], mse: ['avc1.640033'], native_hls: true, device: 'desktop', network: {} }"

_FALLBACK_WORD: Final = Cut("this.#climb.faltered({ loss: true })", "void 0")
_LOSS_WORD: Final = Cut("if (lossRatio >= HEAVY_LOSS) return 'loss';", "")

REMEDIES: Final[dict[str, tuple[Cut, ...]]] = {
    # What the browser can do is not asked, neither here nor in what the gateway is told.
    "capabilities": (_first("export function readCapabilities() {", f"return {_ABLE};"),),
    # The page's choice of rungs is not kept to.
    "wishes": (_first("export function wantedRungs(wanted) {", "return PROTOCOLS;"),),
    "candidates": (_first("export function allowedCandidates(sdp, kinds) {", "return sdp;"),),
    "relay-only": (_first("  get relayOnly() {", "return false;"),),
    # Nothing is said where nothing is left, whoever finds that out.
    "last-words": (Cut("unplayable: (why) => this.#halt('unplayable', why)", "unplayable: () => {}"),),
    # Only the first rung of a plan is tried.
    "ladder": (_first("  plan(steps) {", "steps = steps.slice(0, 1);"),),
    # What began before the gateway named its relays goes on without them.
    "late-relays": (_first("  #useRelays(name) {", "return;"),),
    # The next rung starts only when the one before has failed.
    "warming": (Cut("WARM_AFTER_MS = 400;", "WARM_AFTER_MS = 60_000;"),),
    "failure-memory": (Cut("this.#read().get(this.#network()) ?? []", "[]"),),
    # What was once given up is never tried again while something worse plays.
    "probing": (_first("  get #probing() {", "return false;"),),
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
    "camera-word": (Cut("cameraLive: standing.cameraLive,", "cameraLive: true,"),),
    # The gateway's word that a link carries too little is not heeded.
    "fallback-word": (_FALLBACK_WORD,),
    # Where too little arrives, the browser's decoder is blamed for it.
    "loss-word": (_LOSS_WORD,),
    "both-loss-words": (_FALLBACK_WORD, _LOSS_WORD),
    # A socket that still has not opened is waited for like any other way.
    "hastening": (
        Cut("if (name === NEEDS_SOCKET && !options.signalling.isOpen && this.#trials.size > 1) ", "if (false) "),
    ),
    # Each player tries further rungs as soon as one that is alone.
    "crowd": (Cut("(surroundings.crowd ?? CROWD)", "new Crowd()"),),
    # That the gateway answers again hurries nothing.
    "gateway-return": (Cut("this.#search.resume();", ""),),
    # A socket that does not open is tried less and less often.
    "socket-retries": (Cut("const LONGEST_RETRY_MS = 2000;", "const LONGEST_RETRY_MS = 60_000;"),),
}


def crippled_modules(cuts: Sequence[Cut]) -> dict[str, str]:
    """The modules that are others without a remedy: path below `static` to text.

    ValueError where a text stands nowhere or several times: nothing certain would be cut.
    """
    whole = {str(path.relative_to(static_dir())): path for path in static_dir().rglob("*.js")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in whole.items()}
    changed: dict[str, str] = {}
    for cut in cuts:
        found = [name for name, text in texts.items() for _ in range(text.count(cut.text))]
        if len(found) != 1:
            raise ValueError(f"{cut.text!r} should stand once in the page's modules, but stands in {found}")
        changed[found[0]] = texts[found[0]] = texts[found[0]].replace(cut.text, cut.instead)
    return changed


def crippled_page(cuts: Sequence[Cut]) -> Path:
    """A folder like `static` for a gateway that serves nothing else, until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="crippled-page-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(static_dir(), folder, dirs_exist_ok=True)
    for name, text in crippled_modules(cuts).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


async def cut_out(page: Page, name: str) -> None:
    """From the next navigation on, this page is without the remedy, whatever its gateway serves to others."""
    bodies = {
        f"/static/{module}": base64.b64encode(text.encode()).decode("ascii")
        for module, text in crippled_modules(REMEDIES[name]).items()
    }
    # Playwright's own routes would ask here about every request of the page, which takes it seconds.
    browser = await page.context.new_cdp_session(page)
    answers: set[asyncio.Task[None]] = set()

    async def answer(paused: dict[str, Any]) -> None:
        headers = [{"name": "Content-Type", "value": "text/javascript"}]
        body = next(body for module, body in bodies.items() if paused["request"]["url"].endswith(module))
        with contextlib.suppress(Error):
            # The page may have been left meanwhile.
            await browser.send(
                "Fetch.fulfillRequest",
                {"requestId": paused["requestId"], "responseCode": 200, "responseHeaders": headers, "body": body},
            )

    def start(paused: dict[str, Any]) -> None:
        task = asyncio.create_task(answer(paused))
        answers.add(task)
        task.add_done_callback(answers.discard)

    browser.on("Fetch.requestPaused", start)
    await browser.send("Fetch.enable", {"patterns": [{"urlPattern": f"*{module}"} for module in bodies]})
