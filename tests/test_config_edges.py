"""Configuration of edges."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, load_config
from gateway.errors import ConfigError

PUBLIC = "public_url: https://cams.example.org\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, **environment: str) -> Config:
    Path("gateway.yml").write_text(text, "utf-8")
    return load_config(Path("gateway.yml"), environment=environment).config


def listed(config: Config) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(edge.url), edge.region) for edge in config.edges]


def test_addresses_with_and_without_regions() -> None:
    text = f"{PUBLIC}edges:\n- {{url: https://eu.example.org/live/, region: EU}}\n"
    text += "- {url: 'https://us.example.org:8443', region: [us, ca]}\n- https://cdn.example.org\n"
    assert listed(load(text)) == [
        ("https://eu.example.org/live", ("eu",)),
        ("https://us.example.org:8443", ("us", "ca")),
        ("https://cdn.example.org", ()),
    ]


def test_without_any_there_are_none() -> None:
    assert Config().edges == ()
    assert load("cameras: {}\n").edges == ()


def test_a_variable_lists_addresses() -> None:
    config = load(PUBLIC, GATEWAY_EDGES="https://a.example.org, https://b.example.org")
    assert listed(config) == [("https://a.example.org", ()), ("https://b.example.org", ())]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"{PUBLIC}edges: [{{url: eu.example.org}}]",
            "gateway.yml:2: edges.0.url: must be an address like https://cams.example.org/live",
        ),
        (f"{PUBLIC}edges: [{{region: eu}}]", "gateway.yml:2: edges.0.url: is missing"),
        (
            f"{PUBLIC}edges: [{{url: https://eu.example.org, regions: eu}}]",
            "gateway.yml:2: edges.0.regions: unknown key (did you mean 'region'?); allowed here: region, url",
        ),
        (
            f"{PUBLIC}edges: [{{url: https://eu.example.org, region: 'e u'}}]",
            "gateway.yml:2: edges.0.region.0: must be 1 to 32 letters, digits, '_' or '-', for example eu or us-east",
        ),
        (
            f"{PUBLIC}edges: [https://eu.example.org, https://EU.example.org/]",
            "gateway.yml:2: edges: names https://eu.example.org twice; write its regions as one list, region: [eu, us]",
        ),
        (
            f"{PUBLIC}edges: [http://eu.example.org]",
            "gateway.yml:2: edges: has http://eu.example.org; from a page at https:// browsers load nothing but https://",
        ),
        (
            "edges: [https://eu.example.org]",
            "gateway.yml:1: edges: needs public_url, the address of the pages that load pictures from the edges",
        ),
        (
            f"{PUBLIC}access: {{mode: open}}\nedges: [https://eu.example.org]",
            "gateway.yml:3: edges: needs access.mode: required; an edge lets nobody in who has no signed address",
        ),
        (
            f"{PUBLIC}hls: {{mode: off}}\nedges: [https://eu.example.org]",
            "gateway.yml:3: edges: needs hls.mode: embedded or mediamtx; edges pass on nothing else",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert list(caught.value.lines) == [line]
