"""STUN binding requests as ICE uses them: parsed strictly, answered, never sent (RFC 8489, RFC 8445; pure).

A parser of our own because the one in aioice passes over comprehension-required attributes it does not know and looks
neither at the magic cookie nor for a FINGERPRINT; and because it is what strangers' floods run into.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

MAGIC_COOKIE: Final = 0x2112A442
BINDING_REQUEST: Final = 0x0001
BINDING_RESPONSE: Final = 0x0101
BINDING_ERROR: Final = 0x0111

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FINGERPRINT_XOR: Final = 0x5354554E
_FINGERPRINT_BYTES: Final = 8
_INTEGRITY_BYTES: Final = 24
_MAX_USERNAME_BYTES: Final = 513

_MAPPED_ADDRESS: Final = 0x0001
_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_ERROR_CODE: Final = 0x0009
_UNKNOWN_ATTRIBUTES: Final = 0x000A
_REALM: Final = 0x0014
_NONCE: Final = 0x0015
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT: Final = 0x8028
_ICE_CONTROLLED: Final = 0x8029

_FIRST_OPTIONAL: Final = 0x8000
"""From here on attributes may be passed over by who does not know them (RFC 8489 section 14)."""

_UNDERSTOOD: Final = frozenset(
    {
        _MAPPED_ADDRESS,
        _USERNAME,
        _MESSAGE_INTEGRITY,
        _ERROR_CODE,
        _UNKNOWN_ATTRIBUTES,
        _REALM,
        _NONCE,
        _XOR_MAPPED_ADDRESS,
        _PRIORITY,
        _USE_CANDIDATE,
    }
)
_MAX_UNKNOWN: Final = 8


class StunError(ValueError):
    """Not a binding request that ICE could have sent."""


class NoFingerprint(StunError):
    """A request without the FINGERPRINT that ICE demands (RFC 8445 section 7.1.1; RFC 8489 section 14.7)."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A well-formed request, of whom nobody knows yet whether it is authentic."""

    transaction_id: bytes
    username: bytes
    """Ours, a colon, theirs (RFC 8445 section 7.2.2)."""
    size: int
    """Bytes of the whole message."""
    use_candidate: bool = False
    controlled: bool = False
    """The sender takes the role that a lite agent always has."""
    unknown: tuple[int, ...] = ()
    """Comprehension-required attributes that are not known here; of many, the first."""
    _signed: bytes = field(default=b"", repr=False)
    _integrity: bytes = field(default=b"", repr=False)

    def is_signed_with(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY proves that the sender knows the password (RFC 8489 section 14.5)."""
        if not self._integrity:
            return False
        return hmac.compare_digest(self._integrity, hmac.digest(password.encode(), self._signed, "sha1"))


def message_type(datagram: bytes) -> int:
    """Class and method of a STUN message; raises StunError where it is none (RFC 8489 section 5)."""
    if len(datagram) < _HEADER.size:
        raise StunError("shorter than a header")
    kind, length, cookie, _ = _HEADER.unpack_from(datagram)
    if kind & 0xC000 or cookie != MAGIC_COOKIE:
        raise StunError("not STUN")
    if length != len(datagram) - _HEADER.size or length % 4:
        raise StunError("false length")
    return int(kind)


def parse_request(datagram: bytes) -> BindingRequest:
    """Parse a binding request; raises StunError for everything else, NoFingerprint where only that is missing."""
    if message_type(datagram) != BINDING_REQUEST:
        raise StunError("not a binding request")
    found: dict[int, bytes] = {}
    unknown: list[int] = []
    signed = b""
    fingerprint = False
    place, end = _HEADER.size, len(datagram)
    while place < end:
        if fingerprint or end - place < _ATTRIBUTE.size:
            raise StunError("bytes after the last attribute")
        kind, size = _ATTRIBUTE.unpack_from(datagram, place)
        value = datagram[place + 4 : place + 4 + size]
        if len(value) != size:
            raise StunError("an attribute is cut short")
        if kind == _FINGERPRINT:
            _check_fingerprint(datagram, place, value)
            fingerprint = True
        elif signed:
            # Not authenticated: as if it were not there (RFC 8489 section 14.5).
            pass
        elif kind == _MESSAGE_INTEGRITY:
            signed = _with_length(datagram[:place], place - _HEADER.size + _INTEGRITY_BYTES)
            found[kind] = value
        elif kind < _FIRST_OPTIONAL and kind not in _UNDERSTOOD:
            if len(unknown) < _MAX_UNKNOWN:
                unknown.append(kind)
        else:
            # Only the first of several counts (RFC 8489 section 14).
            found.setdefault(kind, value)
        place += 4 + size + -size % 4
    if not 0 < len(found.get(_USERNAME, b"")) <= _MAX_USERNAME_BYTES:
        raise StunError("no user name")
    if not fingerprint:
        raise NoFingerprint("no fingerprint")
    return BindingRequest(
        transaction_id=datagram[8:20],
        username=found[_USERNAME],
        size=end,
        use_candidate=_USE_CANDIDATE in found,
        controlled=_ICE_CONTROLLED in found,
        unknown=tuple(unknown),
        _signed=signed,
        _integrity=found.get(_MESSAGE_INTEGRITY, b""),
    )


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + length.to_bytes(2, "big") + data[4:]


def _check_fingerprint(datagram: bytes, place: int, value: bytes) -> None:
    before = _with_length(datagram[:place], place - _HEADER.size + _FINGERPRINT_BYTES)
    if value != _fingerprint_of(before):
        raise StunError("false fingerprint")


def _fingerprint_of(data: bytes) -> bytes:
    return (zlib.crc32(data) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def success(request: BindingRequest, address: tuple[str, int], password: str) -> bytes:
    """The answer that tells the sender its address as seen from here (RFC 8489 section 14.2)."""
    return _signed(BINDING_RESPONSE, request, _attribute(_XOR_MAPPED_ADDRESS, _xor_address(request, address)), password)


def role_conflict(request: BindingRequest, password: str) -> bytes:
    """The answer to who takes our role (RFC 8445 section 7.3.1.1)."""
    return _signed(BINDING_ERROR, request, _error(487, b"Role Conflict"), password)


def unknown_attributes(request: BindingRequest, password: str) -> bytes:
    """The answer to what has to be understood and is not (RFC 8489 sections 6.3.1 and 14.9)."""
    listed = b"".join(kind.to_bytes(2, "big") for kind in request.unknown)
    # Without a reason phrase, so that it is not larger than the request.
    return _signed(BINDING_ERROR, request, _error(420, b"") + _attribute(_UNKNOWN_ATTRIBUTES, listed), password)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _error(code: int, phrase: bytes) -> bytes:
    return _attribute(_ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + phrase)


def _xor_address(request: BindingRequest, address: tuple[str, int]) -> bytes:
    host = ipaddress.ip_address(address[0])
    pad = MAGIC_COOKIE.to_bytes(4, "big") + request.transaction_id
    mask = int.from_bytes(pad[: len(host.packed)], "big")
    masked = (int(host) ^ mask).to_bytes(len(host.packed), "big")
    family = 1 if host.version == 4 else 2
    return struct.pack("!BBH", 0, family, address[1] ^ MAGIC_COOKIE >> 16) + masked


def _signed(kind: int, request: BindingRequest, attributes: bytes, password: str) -> bytes:
    length = len(attributes) + _INTEGRITY_BYTES
    message = _HEADER.pack(kind, length, MAGIC_COOKIE, request.transaction_id) + attributes
    message += _attribute(_MESSAGE_INTEGRITY, hmac.digest(password.encode(), message, "sha1"))
    message = _with_length(message, length + _FINGERPRINT_BYTES)
    return message + _attribute(_FINGERPRINT, _fingerprint_of(message))
