"""The page with one of its remedies cut out, so that tests can show that they notice: no switch of the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page, Route

from gateway.assets import static_dir


@dataclass(frozen=True, slots=True)
class Cut:
    """In `file` of the page, `more` comes after `text`, which must be there once: else nothing would be crippled."""

    file: str
    text: str
    more: str

    def source(self) -> str:
        """The crippled module."""
        whole = (static_dir() / self.file).read_text(encoding="utf-8")
        assert whole.count(self.text) == 1, f"static/{self.file} has changed: find out where to cut now"
        return whole.replace(self.text, self.text + self.more)


_ABLE: Final = "{ webrtc: ['h264/42e01f'], mse: ['avc1.640033'], native_hls: true, device: 'desktop', network: {} }"

REMEDIES: Final = {
    # What the browser can do is not asked, neither here nor in what the gateway is told.
    "capabilities": Cut("capabilities.js", "export function readCapabilities() {\n", f"  return {_ABLE};\n"),
    # The page's choice of rungs is not kept to.
    "wishes": Cut("protocols.js", "export function wantedRungs(wanted) {\n", "  return PROTOCOLS;\n"),
    "candidates": Cut("rungs/candidates.js", "export function allowedCandidates(sdp, kinds) {\n", "  return sdp;\n"),
    "relay-only": Cut("planner.js", "  get relayOnly() {\n", "    return false;\n"),
    # Nothing is said where nothing is left.
    "no-plan": Cut("player.js", "  #unplayable(message) {\n", "    return;\n"),
    "exhaustion": Cut("player.js", "  #exhausted(failure) {\n", "    return;\n"),
    # Only the first rung of a plan is tried.
    "ladder": Cut("climb.js", "  plan(steps) {\n", "    steps = steps.slice(0, 1);\n"),
    # What began before the gateway named its relays goes on without them.
    "late-relays": Cut("climb.js", "  #useRelays(name) {\n", "    return;\n"),
}


async def cut_out(page: Page, remedy: str) -> None:
    """From the next navigation on, the page is without it."""
    cut = REMEDIES[remedy]
    body = cut.source()

    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})

    await page.route(f"**/static/{cut.file}", answer)
