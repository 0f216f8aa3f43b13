"""Damaged offers: whatever comes, the answer is a refusal the sender can read, and nothing is left behind."""

from __future__ import annotations

import logging
import random

import pytest

from gateway.errors import ClientError
from gateway.webrtc.offers import read_offer
from gateway.webrtc.sdp import SdpError, parse_offer
from gateway.webrtc.selection import select
from tests.relay.units import OPUS_STREAM
from tests.webrtc.stage import Stage, offer, offer_names

JUNK = ["", "a", "a=", "a=:", "=", "m=", "m=video", "\x00", "v=0", "a=mid:", "a=group:BUNDLE", "a=setup:", "é" * 50]
WORDS = ["0", "-1", "96", "99999999999999999999", "½", "", " ", ":", "/", "H264/90000", "video", "\t", "x" * 300, "²"]


def mutated(dice: random.Random) -> str:
    """A real offer with a few things wrong."""
    lines = offer(dice.choice(offer_names())).split("\r\n")[:-1]
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(len(lines))
        match dice.randrange(9):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, lines[dice.randrange(len(lines))])
            case 2:
                other = dice.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
            case 3:
                lines.insert(place, dice.choice(JUNK))
            case 4:
                words = lines[place].split(" ")
                words[dice.randrange(len(words))] = dice.choice(WORDS)
                lines[place] = " ".join(words)
            case 5:
                head, _, _ = lines[place].partition(":")
                lines[place] = f"{head}:{dice.choice(WORDS)}"
            case 6:
                at = dice.randrange(len(lines[place]) + 1)
                lines[place] = lines[place][:at] + chr(dice.randrange(1, 0x2FF)) + lines[place][at + 1 :]
            case 7:
                del lines[place:][: dice.randrange(5)]
                kind = lines[place][:6] if place < len(lines) else ""
                lines = [line for line in lines if not kind or not line.startswith(kind)] or ["v=0"]
            case _:
                other_offer = offer(dice.choice(offer_names())).split("\r\n")
                start = dice.randrange(len(other_offer))
                lines[place:place] = other_offer[start : start + dice.randrange(1, 30)]
    return dice.choice(("\r\n", "\r\n", "\n")).join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_offer_is_understood_or_refused_and_nothing_else(seed: int) -> None:
    dice = random.Random(seed)
    outcomes = set()
    for _ in range(150):
        try:
            select(parse_offer(mutated(dice)), OPUS_STREAM)
            outcomes.add("taken")
        except SdpError as error:
            outcomes.add(error.code)
    assert {"taken", "bad_sdp"} <= outcomes


@pytest.mark.parametrize("seed", range(6))
async def test_a_damaged_offer_leaves_nothing_behind(stage: Stage, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """The stage itself checks that no session, agent or task outlives the test."""
    stage.publisher().live(OPUS_STREAM)
    dice = random.Random(1000 + seed)
    answered = refused = 0
    with caplog.at_level(logging.WARNING):
        for _ in range(40):
            text = mutated(dice)
            try:
                session = await stage.sessions.open(stage.camera(), read_offer(text), host=None)
            except ClientError:
                # 4xx; anything else fails the test.
                refused += 1
            else:
                answered += 1
                shape = [section.kind for section in parse_offer(text).sections]
                assert [line[2:].split()[0] for line in session.answer.splitlines() if line.startswith("m=")] == shape
                await stage.sessions.end(session)
            assert (len(stage.sessions), stage.port.agent_count) == (0, 0)
    assert min(answered, refused) > 0
    # What is refused is refused by us, not stumbled over inside aiortc.
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("seed", range(3))
async def test_random_text_and_truncated_offers_are_refused(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    whole = offer("chromium-video")
    for _ in range(40):
        text = dice.choice(
            (
                whole[: dice.randrange(len(whole) // 3)],
                whole[dice.randrange(10, len(whole)) :],
                "".join(map(chr, dice.choices(range(1, 0x3000), k=dice.randrange(500)))),
                "v=0\n" + "".join(map(chr, dice.choices(range(1, 0x3000), k=dice.randrange(500)))),
            )
        )
        with pytest.raises(ClientError) as refused:
            await stage.sessions.open(stage.camera(), read_offer(text), host=None)
        assert refused.value.status in (400, 422)
        assert (len(stage.sessions), stage.port.agent_count) == (0, 0)
