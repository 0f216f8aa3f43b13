"""Answers requests for what HLS playlists lead to without aiohttp's application (docs/adr/0015-the-shortcut.md).

A viewer asks ten times a second with the same headers, byte for byte.  How these read is remembered for as long as the
connection lasts; the request line is read here, and only if it can be read in one way.  Everything else, and whatever
is not answered 200 at once or after waiting for the next part, is the application's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final

from aiohttp import web
from multidict import CIMultiDictProxy

from gateway.access.decision import Asked
from gateway.access.paths import Area, parse_target
from gateway.access.proxies import Client
from gateway.access.refusal import Refusal
from gateway.access.standing import Standing
from gateway.errors import GatewayError
from gateway.hls.children import PLAYLIST, Answer, Child, read_one_way
from gateway.hls.origin import Origin
from gateway.hls.routes import Hls, takes_gzip, visitor
from gateway.hls.viewers import Visitor
from gateway.sparing import SparingLog
from gateway.web.admission import Admission
from gateway.web.failures import failure
from gateway.web.origin import Origins

_log = SparingLog(logging.getLogger(__name__))

_ONLY_FOR_THE_APPLICATION: Final = (
    "Content-Length",
    "Expect",
    "If-Range",
    "Range",
    "Transfer-Encoding",
    "Upgrade",
)
_MAX_PLACES: Final = 8
_MAX_FOLDER: Final = 1024


@dataclass(slots=True)
class Place:
    """A folder of a camera's stream as somebody asks for it: grant and generation stand in it."""

    camera: str
    generation: str
    asked: Asked = field(repr=False)
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's headers say, all but its first line; `common` are the lines that every answer gets."""

    client: Client
    remote: str | None
    user_agent: str
    authorization: tuple[str, ...] = field(repr=False)
    cookie: tuple[str, ...] = field(repr=False)
    takes_gzip: bool
    common: str
    places: dict[bytes, Place] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A child of a playlist that somebody asked for who was let in."""

    origin: Origin
    child: Child
    viewer: Visitor
    head: Head
    standing: Standing


class Shortcut:
    """Belongs to the event loop's thread."""

    def __init__(self, hls: Hls, admission: Admission, origins: Origins) -> None:
        self._hls = hls
        self._admission = admission
        self._origins = origins
        self._date = _Date()
        self.answered = 0
        """How many requests have gone this way and were answered 200."""

    def read(self, headers: CIMultiDictProxy[str], *, remote: str | None, is_secure: bool) -> Head | None:
        """What the headers of a GET say; None if its answers are the application's."""
        host, origin = headers.get("Host"), headers.get("Origin")
        if host is None or any(name in headers for name in _ONLY_FOR_THE_APPLICATION):
            return None
        if not self._admission.answers_to(host) or not self._origins.may_use(origin, host):
            return None
        common = dict(self._origins.headers_for(origin))
        if self._origins.varies:
            common["Vary"] = "Origin"
        return Head(
            self._admission.client(remote, headers, is_secure=is_secure),
            remote,
            headers.get("User-Agent", ""),
            tuple(headers.getall("Authorization", ())),
            tuple(headers.getall("Cookie", ())),
            takes_gzip(headers.get("Accept-Encoding", "")),
            _lines(common),
        )

    def ask(self, head: Head, target: bytes) -> Question | None:
        """What a GET of `target` with such a head asks for; None if it is the application's."""
        cut = target.rfind(b"/") + 1
        child = read_one_way(target[cut:])
        if child is None:
            return None
        folder = target[:cut]
        place = head.places.get(folder) or self._enter(head, folder)
        if place is None:
            return None
        place.standing = self._admission.let_in_again(place.asked, place.standing, client=head.client)
        if place.standing is None:
            return None
        origin = self._hls.running(place.camera, place.generation)
        if origin is None:
            return None
        viewer = visitor(place.standing.verdict.principal, remote=head.remote, user_agent=head.user_agent)
        origin.seen(viewer)
        return Question(origin, child, viewer, head, place.standing)

    def _enter(self, head: Head, folder: bytes) -> Place | None:
        if len(folder) > _MAX_FOLDER or not folder.isascii():
            return None
        raw = folder.decode() + PLAYLIST
        target = parse_target(raw, base_path=self._admission.base_path)
        if isinstance(target, Refusal) or target.area is not Area.HLS or target.camera is None:
            return None
        generation, slash, name = target.path.removeprefix(f"/{target.camera}/_hls/").partition("/")
        if not slash or name != PLAYLIST:
            return None
        if len(head.places) >= _MAX_PLACES:
            head.places.clear()
        asked = Asked("GET", raw, authorization=head.authorization, cookie=head.cookie)
        place = head.places[folder] = Place(target.camera, generation, asked)
        return place

    def look(self, question: Question) -> bytes | None:
        """The whole answer, None while it has to be waited for; raises what the application would answer."""
        answer = question.origin.look(question.child)
        if answer is None:
            return None
        question.origin.seen(question.viewer)
        return self._written(answer, question)

    def _written(self, answer: Answer, question: Question) -> bytes:
        self.answered += 1
        gzip = question.head.takes_gzip
        content = answer.content(gzip=gzip)
        headers = answer.headers(gzip=gzip)
        headers["Cache-Control"] = self._admission.cache_control(answer.cache_control, question.standing.verdict)
        return self._head("200 OK", headers, question.head, size=len(content)) + content

    def look_after_waiting(self, question: Question) -> bytes | None:
        """As `look`, errors included: whoever waited is answered here."""
        try:
            return self.look(question)
        except GatewayError as error:
            return self.refused(question, error)
        except Exception:  # noqa: BLE001  the last resort, as for the application: others wait, too
            _log.exception("answering who waited for %s failed", question.origin.camera.name)
            return self.refused(question, GatewayError("Something went wrong in the gateway; its log says more"))

    def refused(self, question: Question, error: GatewayError) -> bytes:
        """An error as the application answers it."""
        response = failure(error)
        body = response.body if isinstance(response.body, bytes) else b""
        return (
            self._head(f"{response.status} {response.reason}", response.headers, question.head, size=len(body)) + body
        )

    def _head(self, status: str, headers: Mapping[str, str], head: Head, *, size: int) -> bytes:
        lines = _lines(headers)
        return (
            f"HTTP/1.1 {status}\r\n{lines}Content-Length: {size}\r\nDate: {self._date.text()}\r\n{head.common}\r\n"
        ).encode("latin-1")


class _Date:
    """As answers carry it; made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


SHORTCUT: web.AppKey[Shortcut | None] = web.AppKey("shortcut")
