"""The page's modules travel without their comments and indentation, and are the same otherwise."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.assets import static_dir
from gateway.web.modules import Modules, lean

MODULES = sorted(path for path in static_dir().rglob("*.js") if "vendor" not in path.parts)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("/** What it is for. */\nlet a;\n", "let a;\n"),
        ("/**\n * @param {number} a\n */\nfunction f(a) {}\n", "function f(a) {}\n"),
        ("  // why\n  f();\n", "f();\n"),
        ("let a = 1; // behind code\n", "let a = 1; // behind code\n"),
        ("  /** @type {A} */ (b).f();\n/** c */\n", "/** @type {A} */ (b).f();\n"),
        ("const u = 'https://x';\n", "const u = 'https://x';\n"),
        ("/** a */\n\n/** b */\nlet c;", "let c;"),
        ("", ""),
    ],
)
def test_comments_on_lines_of_their_own_go_and_empty_lines_and_indentation(source: str, left: str) -> None:
    assert lean(source) == left


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nothing_else_is_taken_out_of_our_modules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    left = lean(source).splitlines()
    kept = 0
    inside_text = False
    for number, line in enumerate(source.splitlines(), 1):
        if kept < len(left) and left[kept] == line.lstrip(" \t"):
            kept += 1
            inside_text ^= line.count("`") % 2 == 1
        elif line.strip():
            assert re.fullmatch(r"\s*(?:/\*\*.*|\*.*|//.*)", line), f"line {number} is no comment: {line}"
            assert not inside_text, f"line {number} is within a text"
    assert kept == len(left)


async def test_a_module_is_read_again_when_it_changed(tmp_path: Path) -> None:
    module = tmp_path / "a.js"
    module.write_text("/** one */\nlet one;\n")
    app = web.Application()
    app.router.add_get(r"/static/{module:.+\.js}", Modules(tmp_path).serve)
    async with TestClient(TestServer(app)) as http:
        first = await http.get("/static/a.js")
        assert await first.text() == "let one;\n"
        known = {"If-None-Match": first.headers["ETag"]}
        assert (await http.get("/static/a.js", headers=known)).status == 304
        module.write_text("let two;\n")
        os.utime(module, ns=(0, 1))
        second = await http.get("/static/a.js", headers=known)
        assert (second.status, await second.text()) == (200, "let two;\n")
        plain = await http.get("/static/a.js", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["ETag"] != second.headers["ETag"]
