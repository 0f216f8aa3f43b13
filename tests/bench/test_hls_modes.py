"""What hls-modes is built on: candidates as somebody writes them, cases by name, and a link that holds."""

from __future__ import annotations

import asyncio

import pytest

from bench.__main__ import BENCHMARKS, _parser
from bench.errors import BenchError
from bench.hls_modes import FULL, MODES, NAME, QUICK, TIERS, candidate, case_name, narrowed
from bench.holding_link import HoldingLink


def test_candidates_are_json_objects() -> None:
    assert candidate("") == {}
    assert candidate('{"behindS": 2}') == {"behindS": 2}
    for text in ("[1]", "{backBufferLength: 5}"):
        with pytest.raises(BenchError, match="--hls"):
            candidate(text)


def test_only_what_was_asked_for_is_changed() -> None:
    parser = _parser()
    assert narrowed(FULL, parser.parse_args([NAME])) == FULL
    words = [NAME, "--seconds", "7", "--hold", "1.5", "--hls", "", "--hls", "{}", "--cases", "stable"]
    changed = narrowed(FULL, parser.parse_args(words))
    assert (changed.watch_s, changed.hold_s, changed.hls, changed.cases) == (7, 1.5, ("", "{}"), ("stable",))


def test_a_quick_run_has_cases() -> None:
    assert BENCHMARKS[NAME].quick is QUICK
    names = [case_name(mode, tier) for mode in MODES for tier in TIERS]
    assert set(QUICK.cases) <= set(names)


async def test_a_link_that_holds_passes_nothing_until_it_ends() -> None:
    received = bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            received.extend(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, HoldingLink.to(host, port) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        direct_reader, direct_writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(10):
            writer.write(b"a")
            assert await reader.readexactly(1) == b"a"
            with link.hold():
                writer.write(b"b")
                for _ in range(20):
                    direct_writer.write(b"x")
                    await direct_reader.readexactly(1)
                assert received == b"a" + 20 * b"x"
            assert await reader.readexactly(1) == b"b"
            for one in (writer, direct_writer):
                one.close()
                await one.wait_closed()


async def test_a_link_to_nowhere_ends_at_once() -> None:
    async with HoldingLink.to("127.0.0.1", 1) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
