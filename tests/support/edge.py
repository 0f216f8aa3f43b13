"""The distribution's nginx with the files of docker/nginx, before origins that count what they are asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bench import edge_config
from bench.edge_config import EdgeSettings
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keyring import new_key
from gateway.access.keys import SigningKey
from tests.support.nginx import answers, free_port, make_certificate

_DEADLINE_S: Final = 10.0
CDN_SECRET: Final = "between-edge-and-mediamtx"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Question:
    """What an origin was asked: raw target, and headers with names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class CountingOrigin:
    """Answers with what `respond` says, and remembers the questions."""

    port: int
    respond: Callable[[Question], Awaitable[web.Response]]
    questions: list[Question] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, question: Question) -> web.Response:
        """Remember a question and answer it."""
        self.questions.append(question)
        async with self._came:
            self._came.notify_all()
        return await self.respond(question)

    async def until_asked(self, ending: str, count: int) -> None:
        """Returns once it was asked so often, within 10 s."""
        async with asyncio.timeout(_DEADLINE_S), self._came:
            await self._came.wait_for(lambda: self.asked(ending) >= count)

    def asked(self, ending: str) -> int:
        """How often for a target that ends so."""
        return sum(question.target.endswith(ending) for question in self.questions)

    def files(self) -> Counter[str]:
        """How often for each last part of a path."""
        return Counter(question.target.partition("?")[0].rpartition("/")[2] for question in self.questions)


async def echoed(question: Question) -> web.Response:
    """The target without its grant, as a body."""
    return web.Response(text=question.target.partition("?")[0].rpartition("/")[2])


@asynccontextmanager
async def counting_origin(
    respond: Callable[[Question], Awaitable[web.Response]] = echoed,
) -> AsyncIterator[CountingOrigin]:
    """An origin on a free port of 127.0.0.1."""
    origin = CountingOrigin(free_port(), respond)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return await origin.take(Question(request.method, request.raw_path, headers))

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", origin.port).start()
        yield origin
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Edge:
    """A running edge.  `now` is the time it is told, None for the real one."""

    folder: Path
    port: int
    cert: Path
    keys_file: Path
    key: SigningKey
    now: float | None = None
    process: asyncio.subprocess.Process | None = None

    async def die(self) -> None:
        """As a machine that loses its power."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    @property
    def origin(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return f"https://127.0.0.1:{self.port}"

    def write_keys(self, keys: Sequence[SigningKey]) -> None:
        """Replaces the file, as the gateway does when it rotates, and as it writes it."""
        lines = [json.dumps({"id": key.id, "secret": key.secret, "created": key.created}) for key in keys]
        fresh = self.keys_file.with_suffix(".new")
        fresh.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
        fresh.replace(self.keys_file)

    def grant(self, prefix: str, *, expires: float, key: SigningKey | None = None) -> str:
        """A grant of its own for `prefix` (`/cam1/`) until `expires`."""
        return sign_grant(key or self.key, prefix=prefix, expires=int(expires), grant_id=new_grant_id())

    async def get(self, target: str, *, method: str = "GET", **headers: str) -> Answer:
        """Asks on a connection of its own; `if_match` is written If-Match."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await self.ask(method, target, named)

    async def ask(self, method: str, target: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """The same with headers as often as they are given; ConnectionError when it isn't answered."""
        lines = [f"{method} {target} HTTP/1.1", "Host: edge.example.org", "Connection: close"]
        if self.now is not None:
            lines.append(f"X-Now: {self.now}")
        lines += [f"{name}: {value}" for name, value in headers]
        context = ssl.create_default_context(cafile=str(self.cert))
        async with asyncio.timeout(_DEADLINE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
            try:
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                # What is far too long is answered before it is read, and the rest of it refused.
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
                return _parsed(await reader.read())
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()

    def log(self) -> str:
        """Everything nginx has written."""
        return "".join(file.read_text(encoding="utf-8") for file in sorted(self.folder.glob("*.log")))


def _parsed(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/"):
        raise ConnectionError(f"no answer but {data[:80]!r}")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Answer(int(first.split(" ")[1]), headers, body)


def _unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        whole, data = whole + rest[:length], rest[length + 2 :]
        if length == 0:
            break
    return whole


@asynccontextmanager
async def running_edge(
    folder: Path,
    *,
    gateway_port: int,
    mediamtx_port: int = 9,
    keys_file: Path | None = None,
    key: SigningKey | None = None,
    now: float | None = None,
    base_path: str = "",
) -> AsyncIterator[Edge]:
    """The edge before a gateway and MediaMTX on ports of 127.0.0.1, with a key of its own unless it gets a file."""
    problem = edge_config.missing()
    assert problem is None, f"{problem} Run: make packages"
    key = key or new_key(now=1_700_000_000)
    cert, private_key = await make_certificate(folder)
    edge = Edge(folder, free_port(), cert, keys_file or folder / "keys.yml", key, now)
    if keys_file is None:
        edge.write_keys([key])
    settings = EdgeSettings(
        port=edge.port,
        gateway_port=gateway_port,
        mediamtx_port=mediamtx_port,
        cert=cert,
        key=private_key,
        keys=edge.keys_file,
        mediamtx_secret=CDN_SECRET,
        base_path=base_path,
        time="$msec" if now is None else "$http_x_now",
    )
    edge_config.write(folder, settings)
    process = await asyncio.create_subprocess_exec(
        *edge_config.command(folder), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    edge.process = process
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not await answers(edge.port):
                assert process.returncode is None, (await process.communicate())[1].decode() + edge.log()
        yield edge
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
        edge_config.socket_of(folder).unlink(missing_ok=True)
