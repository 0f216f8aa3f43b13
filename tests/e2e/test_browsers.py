"""What a browser can do and what a page allows decide the rung; whoever gets another one, or none, is told why."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from gateway.app import Gateway
from gateway.observe.report import Report
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.crippled_page import cut_out
from tests.support.gateway import reached_state, running_gateway
from tests.webrtc.stage import settled

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

NO_WEBRTC: Final = "delete globalThis.RTCPeerConnection;"
NO_H264_IN_WEBRTC: Final = """
const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
RTCRtpReceiver.getCapabilities = (kind) => {
  const { codecs, headerExtensions } = all(kind);
  return { codecs: codecs.filter(({ mimeType }) => !/h264/i.test(mimeType)), headerExtensions };
};
"""
NO_MSE: Final = "delete globalThis.MediaSource; delete globalThis.ManagedMediaSource;"
WEBRTC_FAILED_BEFORE: Final = """
if (location.protocol === 'http:') {
  const { type, effectiveType } = navigator.connection;
  const network = [type, effectiveType].filter(Boolean).join('/');
  const failures = { [network]: [{ rung: 'webrtc', reason: 'ice', at: Date.now() }] };
  localStorage.setItem('camera-gateway:/:failures', JSON.stringify(failures));
}
"""
NO_H264_IN_MSE: Final = """
const knows = MediaSource.isTypeSupported.bind(MediaSource);
MediaSource.isTypeSupported = (type) => !/avc/.test(type) && knows(type);
"""
MEDIA_PORT_BLOCKED: Final = """
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  setRemoteDescription({ type, sdp }) {
    return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\\r\\n/gm, '') });
  }
};
"""

AT_A_TIME: Final = 4
SEES_WITHIN_MS: Final = 8000
"""A picture, or the last word."""
STEADY_MS: Final = 1000
"""What is not the best rung must have been shown for so long: on a busy machine the best comes second."""
STILL_SILENT_MS: Final = 1000
"""Besides twice what the last word takes: by then a page says nothing more."""
_SEEN: Final = """([withinMs, steadyMs]) => new Promise((resolve) => {
  const begun = performance.now();
  let shown = { rung: null, since: begun };
  const look = () => {
    const view = document.querySelector('camera-view');
    const { metrics, situation } = view ?? {};
    const transport = metrics?.rung === 'webrtc' ? metrics.transport : '';
    const some = metrics?.framesPresented >= 3 && transport !== null;
    if (metrics?.rung !== shown.rung) shown = { rung: metrics?.rung, since: performance.now() };
    const plays = some && (shown.rung === 'webrtc' || performance.now() - shown.since > steadyMs);
    const told = situation?.phase === 'unplayable' && view.shadowRoot.querySelector('.title').textContent !== '';
    const over = told || performance.now() - begun > withinMs;
    if (!plays && !over) {
      setTimeout(look, 50);
      return;
    }
    const part = (name) => view.shadowRoot.querySelector(name);
    const [title, detail] = ['.title', '.detail'].map((name) => part(name).textContent);
    const [mark, waiting] = [part('.mark').title, !part('.progress').hidden];
    const tookMs = performance.now() - begun;
    resolve({ rung: plays ? metrics.rung : null, transport, title, detail, mark, waiting, tookMs });
  };
  look();
})"""
_ELEMENT: Final = """async (attributes) => {
  await import('/static/tile/camera-view.js');
  const view = document.createElement('camera-view');
  for (const [name, value] of Object.entries(attributes)) view.setAttribute(name, value);
  document.body.replaceChildren(view);
}"""
RUNGS: Final = ("webrtc", "mse", "ll-hls", "hls")
NOT_ASKED: Final = "asked not to use this"


@dataclass(frozen=True, slots=True)
class Case:
    """A browser and a page's wishes, and what must come of them.

    `report` is what the gateway hears, rung by rung: why it was not tried or ended, None where it plays.  `says` are
    regular expressions for the page's `title`, `detail` or `mark`.  `without` names a remedy of
    tests/support/crippled_page.py without which the figures in `breaks` are others.
    """

    browser: tuple[str, ...]
    rung: str | None
    report: Mapping[str, str | None]
    without: str
    breaks: frozenset[str]
    says: Mapping[str, str] = field(default_factory=dict)
    protocol: str | None = None
    attributes: Mapping[str, str] | None = None
    transport: str = ""

    def wrong(self, seen: Mapping[str, Any], report: Report) -> dict[str, object]:
        """The figures that are not as they must be."""
        figures: dict[str, object] = {}
        # What was only not needed any more says nothing, nor does a try that goes on, and each rung's last word counts.
        said = [run for run in report.rungs if run.end is not None or run.first_frame_s is not None]
        runs = [run for run in said if not re.search("was quicker|is better", run.end or "")]
        told = {run.rung.value: run.end for run in runs}
        if told.keys() != self.report.keys() or not all(_agree(told[rung], self.report[rung]) for rung in told):
            figures["report"] = report.rungs
        expected = {"rung": self.rung, "waiting": False} | ({"transport": self.transport} if self.transport else {})
        figures |= {name: seen[name] for name, value in expected.items() if seen[name] != value}
        return figures | {name: seen[name] for name, words in self.says.items() if not re.search(words, seen[name])}


def _agree(end: str | None, words: str | None) -> bool:
    return end is words if end is None or words is None else re.search(words, end) is not None


CASES: Final = {
    "no WebRTC": Case(
        (NO_WEBRTC,),
        rung="mse",
        report={"webrtc": "This browser has no WebRTC", "mse": None},
        says={"mark": "no WebRTC.* fraction of a second later"},
        without="capabilities",
        breaks=frozenset({"report", "mark"}),
    ),
    "no H.264 in WebRTC": Case(
        (NO_H264_IN_WEBRTC,),
        rung="mse",
        report={"webrtc": r"can't decode H\.264 over WebRTC", "mse": None},
        says={"mark": r"can't decode H\.264 over WebRTC"},
        without="capabilities",
        breaks=frozenset({"report", "mark"}),
    ),
    "no media source, where WebRTC failed a moment ago": Case(
        (NO_MSE, WEBRTC_FAILED_BEFORE),
        rung="webrtc",
        report={"webrtc": None},
        without="capabilities",
        breaks=frozenset({"report"}),
    ),
    "neither WebRTC nor a media source": Case(
        (NO_WEBRTC, NO_MSE),
        rung=None,
        report={**dict.fromkeys(RUNGS, "no Media Source Extensions"), "webrtc": "no WebRTC"},
        says={
            "title": "^This browser can play none of what this gateway offers; use a current Chrome, .*Safari.$",
            "detail": "^$",
        },
        without="last-words",
        breaks=frozenset({"title", "waiting"}),
    ),
    "no H.264 anywhere": Case(
        (NO_H264_IN_WEBRTC, NO_H264_IN_MSE),
        rung=None,
        report=dict.fromkeys(RUNGS, r"can't decode H\.264"),
        says={
            "title": r"^This browser can't decode H\.264 over WebRTC; use a current Chrome, .*Safari\.$",
            "detail": "^$",
        },
        without="last-words",
        breaks=frozenset({"title", "waiting"}),
    ),
    "?protocol=mse": Case(
        (),
        protocol="mse",
        rung="mse",
        report={"webrtc": NOT_ASKED, "mse": None},
        without="wishes",
        breaks=frozenset({"rung", "report"}),
    ),
    "?protocol=webrtc,ll-hls, and the media port blocked": Case(
        (MEDIA_PORT_BLOCKED,),
        protocol="webrtc,ll-hls",
        rung="ll-hls",
        report={"mse": NOT_ASKED, "webrtc": "media port did not answer", "ll-hls": None},
        says={"mark": "media port is blocked"},
        without="wishes",
        breaks=frozenset({"rung", "report"}),
    ),
    "?protocol=mse without a media source": Case(
        (NO_MSE,),
        protocol="mse",
        rung=None,
        report={**dict.fromkeys(RUNGS, NOT_ASKED), "mse": "no Media Source Extensions"},
        says={
            "title": "^This browser has no Media Source Extensions",
            "detail": "^Watch without “protocol=mse”, or use another",
        },
        without="last-words",
        breaks=frozenset({"title", "detail", "waiting"}),
    ),
    "protocol='mse'": Case(
        (),
        attributes={"protocol": "mse"},
        rung="mse",
        report={"webrtc": NOT_ASKED, "mse": None},
        without="wishes",
        breaks=frozenset({"rung", "report"}),
    ),
    "candidates='tcp'": Case(
        (),
        attributes={"candidates": "tcp"},
        rung="webrtc",
        transport="TCP",
        report={"webrtc": None},
        without="candidates",
        breaks=frozenset({"transport"}),
    ),
    "candidates='relay', and no relay": Case(
        (),
        attributes={"candidates": "relay"},
        rung="mse",
        report={"webrtc": "no TURN server is configured", "mse": None},
        says={"mark": "no TURN server is configured"},
        without="relay-only",
        breaks=frozenset({"report"}),
    ),
    "protocol='webrtc' candidates='relay', and no relay": Case(
        (),
        attributes={"protocol": "webrtc", "candidates": "relay"},
        rung=None,
        report={**dict.fromkeys(RUNGS, NOT_ASKED), "webrtc": "no TURN server is configured"},
        says={
            "title": "no TURN server is configured: set webrtc.turn",
            "detail": "^Or watch without “protocol=webrtc”.$",
        },
        without="last-words",
        breaks=frozenset({"title", "detail", "waiting"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """The figures that are wrong on the page, and on the page without the case's remedy."""

    wrong: Mapping[str, object]
    crippled: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Look:
    """The figures that are wrong, and how long it took to see a picture or the last word."""

    wrong: Mapping[str, object]
    took_ms: float


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def visits(browser: Browser) -> AsyncIterator[Mapping[str, Visit]]:
    """All cases, a few at a time: most of the time is waiting."""
    # Each has a camera's name to itself meanwhile, so that reports can be told apart.
    free: asyncio.Queue[str] = asyncio.Queue()
    for number in range(AT_A_TIME):
        free.put_nowait(f"cam{number}")

    async def visit(gateway: Gateway, case: Case) -> Visit:
        camera = await free.get()
        try:
            whole = await look(browser, gateway, case, camera=camera)
            # Everybody else is waited for until a picture comes.
            silent = case.without == "last-words"
            within_ms = 2 * whole.took_ms + STILL_SILENT_MS if silent else SEES_WITHIN_MS
            crippled = await look(browser, gateway, case, camera=camera, without=case.without, within_ms=within_ms)
            return Visit(whole.wrong, crippled.wrong)
        finally:
            free.put_nowait(camera)

    async with (
        demo_camera() as camera,
        running_gateway({f"cam{number}": camera.url for number in range(AT_A_TIME)}) as gateway,
    ):
        for one in gateway.registry:
            await reached_state(one, CameraState.LIVE, within_s=10)
        found = await asyncio.gather(*(visit(gateway, case) for case in CASES.values()))
        yield dict(zip(CASES, found, strict=True))


async def look(
    browser: Browser,
    gateway: Gateway,
    case: Case,
    *,
    camera: str,
    without: str | None = None,
    within_ms: float = SEES_WITHIN_MS,
) -> Look:
    """What a browser of that kind shows once there is a picture or the last word."""
    reports = gateway.reports
    assert reports is not None
    before = len(reports.of_camera(camera))
    context = await browser.new_context(viewport={"width": 640, "height": 400})
    try:
        for script in case.browser:
            await context.add_init_script(script)
        page = await context.new_page()
        if without is not None:
            await cut_out(page, without)
        if case.attributes is None:
            query = "" if case.protocol is None else f"?protocol={case.protocol}"
            await page.goto(f"{gateway.address}{camera}/{query}")
        else:
            await page.goto(f"{gateway.address}healthz")
            await page.evaluate(_ELEMENT, {"camera": camera, "base": "/", **case.attributes})
        seen = await page.evaluate(_SEEN, [within_ms, STEADY_MS])
        await page.goto("about:blank")
        await settled(lambda: len(reports.of_camera(camera)) > before, "no report arrives")
        return Look(case.wrong(seen, reports.of_camera(camera)[-1]), seen["tookMs"])
    finally:
        await context.close()


@pytest.mark.parametrize("name", CASES)
async def test_the_right_rung_for_the_right_reason(visits: Mapping[str, Visit], name: str) -> None:
    assert not visits[name].wrong


@pytest.mark.parametrize("name", CASES)
async def test_without_its_remedy_that_is_not_so(visits: Mapping[str, Visit], name: str) -> None:
    assert set(visits[name].crippled) == CASES[name].breaks, f"without {CASES[name].without}: {visits[name].crippled}"
