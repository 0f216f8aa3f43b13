"""Finding NAL units in Annex B byte streams."""

from __future__ import annotations

import random

import pytest

from gateway.media.annexb import START_CODE, split_annex_b


@pytest.mark.parametrize(
    ("data", "nal_units"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\x65\x88\x84", [], id="no start code"),
        pytest.param(b"\x00\x00\x00\x01\x65\x88", [b"\x65\x88"], id="four-byte start code"),
        pytest.param(b"\x00\x00\x01\x65\x88", [b"\x65\x88"], id="three-byte start code"),
        pytest.param(b"\x12\x34\x00\x00\x01\x65", [b"\x65"], id="bytes before the first start code are ignored"),
        pytest.param(b"\x00\x00\x01\x67\x01\x00\x00\x00\x01\x68\x02", [b"\x67\x01", b"\x68\x02"], id="two units"),
        pytest.param(b"\x00\x00\x01\x65\x88\x00\x00\x00\x00", [b"\x65\x88"], id="trailing zeros belong to no unit"),
        pytest.param(b"\x00\x00\x01\x00\x00\x01\x65", [b"\x65"], id="an empty unit is left out"),
        pytest.param(b"\x00\x00\x01", [], id="a start code with nothing behind it"),
        pytest.param(b"\x00\x00\x01\x65\x00\x00\x03\x01", [b"\x65\x00\x00\x03\x01"], id="emulation prevention stays"),
    ],
)
def test_nal_units_are_found(data: bytes, nal_units: list[bytes]) -> None:
    assert split_annex_b(data) == nal_units


def test_units_joined_with_either_start_code_come_back_whole() -> None:
    dice = random.Random(1)
    for _ in range(200):
        nal_units = [
            bytes((dice.randrange(1, 24),)) + bytes(dice.choices(range(1, 256), k=dice.randrange(0, 40)))
            for _ in range(dice.randrange(0, 8))
        ]
        data = b"".join(dice.choice((START_CODE, START_CODE[1:])) + nal_unit for nal_unit in nal_units)
        assert split_annex_b(data) == nal_units
