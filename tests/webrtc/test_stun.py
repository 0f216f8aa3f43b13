"""Binding requests: RFC 5769's own vector, what aioice writes and reads, and everything that is none."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from aioice.stun import Class, Message, Method, parse_message

from gateway.webrtc import stun
from gateway.webrtc.stun import NoFingerprint, StunError, parse_request

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
SAMPLE = bytes.fromhex(
    # RFC 5769 section 2.1: padded with spaces, a role that is not ours.
    "00010058 2112a442 b7e7a701bc34d686fa87dfae"
    "80220010 5354554e207465737420636c69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b151263b36"
    "00060009 6576746a3a68367659202020"
    "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf"
)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(*attributes: bytes, kind: int = 0x0001, cookie: int = 0x2112A442, fingerprint: bool = True) -> bytes:
    body = b"".join(attributes)
    size = len(body) + (8 if fingerprint else 0)
    head = struct.pack("!HHI", kind, size, cookie) + b"transaction!" + body
    if not fingerprint:
        return head
    return head + attribute(0x8028, (zlib.crc32(head) ^ 0x5354554E).to_bytes(4, "big"))


USER = attribute(0x0006, b"ours:theirs")


def test_the_sample_request_of_rfc_5769() -> None:
    request = parse_request(SAMPLE)
    assert request.username == b"evtj:h6vY"
    assert request.transaction_id == SAMPLE[8:20]
    assert (request.controlled, request.use_candidate, request.unknown) == (True, False, ())
    assert request.size == len(SAMPLE) == 108
    assert request.is_signed_with(PASSWORD)
    assert not request.is_signed_with(PASSWORD + "x")
    assert PASSWORD not in repr(request)


@pytest.mark.parametrize("place", range(20, 76))
def test_every_bit_of_a_request_is_signed(place: int) -> None:
    damaged = bytearray(SAMPLE[:-8])
    damaged[place] ^= 0x10
    damaged[2:4] = (len(SAMPLE) - 20).to_bytes(2, "big")
    whole = bytes(damaged) + attribute(0x8028, (zlib.crc32(damaged) ^ 0x5354554E).to_bytes(4, "big"))
    try:
        request = parse_request(whole)
    except StunError:
        return
    assert not request.is_signed_with(PASSWORD)


def test_a_browsers_request() -> None:
    sent = Message(Method.BINDING, Class.REQUEST)
    sent.attributes |= {"USERNAME": "ours:theirs", "PRIORITY": 7, "ICE-CONTROLLING": 9, "USE-CANDIDATE": None}
    sent.add_message_integrity(b"secret")
    request = parse_request(bytes(sent))
    assert (request.username, request.use_candidate, request.controlled) == (b"ours:theirs", True, False)
    assert request.is_signed_with("secret")


def test_only_the_first_of_several_attributes_counts() -> None:
    request = parse_request(message(USER, attribute(0x0006, b"second:x")))
    assert request.username == b"ours:theirs"


def test_what_follows_the_integrity_is_as_if_it_were_not_there() -> None:
    sent = Message(Method.BINDING, Class.REQUEST)
    sent.attributes["USERNAME"] = "ours:theirs"
    sent.add_message_integrity(b"secret")
    signed = bytes(sent)[20:-8]
    request = parse_request(message(signed, attribute(0x0025, b""), attribute(0x7777, b""), attribute(0x0006, b"x")))
    assert (request.username, request.use_candidate, request.unknown) == (b"ours:theirs", False, ())


def test_unknown_attributes_are_told_where_they_must_be_understood() -> None:
    optional = attribute(0xC057, b"network")
    required = [attribute(kind, b"x") for kind in (0x7001, 0x0003, 0x001C)]
    assert parse_request(message(USER, optional, *required)).unknown == (0x7001, 0x0003, 0x001C)
    assert parse_request(message(USER, optional)).unknown == ()
    assert len(parse_request(message(USER, *(attribute(0x7000 + n, b"") for n in range(50)))).unknown) == 8


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(19), id="less than a header"),
        pytest.param(message(USER, cookie=0x2112A443), id="another cookie"),
        pytest.param(message(USER, kind=0x4001), id="not STUN"),
        pytest.param(message(USER, kind=0x0101), id="a response"),
        pytest.param(message(USER, kind=0x0011), id="an indication"),
        pytest.param(message(USER, kind=0x0003), id="TURN"),
        pytest.param(message(USER) + bytes(4), id="false length"),
        pytest.param(message(USER, b"\0\0\0", fingerprint=False), id="length not of words"),
        pytest.param(message(), id="no user"),
        pytest.param(message(attribute(0x0006, b"")), id="empty user"),
        pytest.param(message(attribute(0x0006, b"x" * 514)), id="user too long"),
        pytest.param(message(USER, struct.pack("!HH", 0x0024, 400), fingerprint=False), id="cut short"),
        pytest.param(message(USER)[:-4] + b"\0\0\0\0", id="false fingerprint"),
    ],
)
def test_what_is_no_binding_request(datagram: bytes) -> None:
    with pytest.raises(StunError) as refused:
        parse_request(datagram)
    assert not isinstance(refused.value, NoFingerprint)


def test_a_request_without_a_fingerprint_is_none_of_ices() -> None:
    with pytest.raises(NoFingerprint):
        parse_request(message(USER, fingerprint=False))


def test_nothing_comes_after_the_fingerprint() -> None:
    inner = message(USER)
    whole = inner[:2] + struct.pack("!H", len(inner) - 20 + 4) + inner[4:-8]
    crc = (zlib.crc32(inner[:-8]) ^ 0x5354554E).to_bytes(4, "big")
    with pytest.raises(StunError):
        parse_request(whole + attribute(0x8028, crc) + attribute(0x0025, b""))


def test_damage_is_refused_and_never_more_than_that() -> None:
    dice = random.Random(5)
    for _ in range(3000):
        damaged = bytearray(SAMPLE[: dice.randrange(len(SAMPLE) + 1)])
        for _ in range(dice.randrange(4)):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            parse_request(bytes(damaged))
        except StunError:
            continue
        assert bytes(damaged) == SAMPLE


@pytest.mark.parametrize("address", [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)])
def test_an_answer_tells_the_senders_address(address: tuple[str, int]) -> None:
    answer = stun.success(parse_request(SAMPLE), address, PASSWORD)
    response = parse_message(answer)
    assert (response.message_class, response.transaction_id) == (Class.RESPONSE, SAMPLE[8:20])
    assert response.attributes["XOR-MAPPED-ADDRESS"] == address
    assert list(response.attributes) == ["XOR-MAPPED-ADDRESS", "MESSAGE-INTEGRITY", "FINGERPRINT"]
    assert response.check_message_integrity(PASSWORD.encode())
    assert len(answer) <= len(SAMPLE)


def test_errors_are_signed_and_small() -> None:
    conflict = stun.role_conflict(parse_request(SAMPLE), PASSWORD)
    assert parse_message(conflict).attributes["ERROR-CODE"] == (487, "Role Conflict")
    request = parse_request(message(USER, attribute(0x7001, b""), attribute(0x7002, b""), attribute(0x7003, b"")))
    unknown = stun.unknown_attributes(request, PASSWORD)
    assert parse_message(unknown).attributes["ERROR-CODE"] == (420, "")
    assert attribute(0x000A, bytes.fromhex("700170027003")) in unknown
    for answer in (conflict, unknown):
        assert parse_message(answer).check_message_integrity(PASSWORD.encode())
