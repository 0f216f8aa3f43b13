"""Offers, parsed as far as they matter here and within strict limits (RFC 8866, 8829, 8843)."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_OFFER_BYTES = 32 * 1024
_MAX_SECTIONS = 16
_MAX_LINES = 1500
_MAX_LINE = 1024

_FINGERPRINTS = frozenset({"sha-256", "sha-384", "sha-512"})
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


class SdpError(ValueError):
    """An offer that can't be answered; `code` is for programs, `malformed` tells it from what is merely unusable."""

    def __init__(self, code: str, message: str, *, malformed: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.malformed = malformed


@dataclass(slots=True)
class Codec:
    """One payload type of a section."""

    payload_type: int
    name: str = ""
    clock_rate: int = 0
    channels: int = 1
    fmtp: str = ""
    feedback: list[str] = field(default_factory=list)

    def parameter(self, name: str) -> str | None:
        """A format parameter's value, None when absent."""
        for item in self.fmtp.split(";"):
            key, _, value = item.strip().partition("=")
            if key.lower() == name:
                return value.strip()
        return None


@dataclass(slots=True)
class Section:
    """One m= section of an offer, as far as it matters here."""

    kind: str
    port: int
    profile: str
    formats: list[str]
    key: str = ""
    """The section's mid, or a name of our own, unlike any mid of the offer, when it has none."""
    mid: str | None = None
    direction: str = "sendrecv"
    rtcp_mux: bool = False
    bundle_only: bool = False
    codecs: dict[int, Codec] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    ufrag: str | None = None
    password: str | None = None
    setup: str | None = None
    fingerprints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Identity:
    """What all offers of one peer connection have in common, and no other's.

    The certificates alone do not tell: a page may use one for several connections.
    """

    origin: tuple[str, str]
    """User name and session id of the o= line (RFC 8866 section 5.2; RFC 8829 section 5.2.2)."""
    fingerprints: frozenset[str]


@dataclass(slots=True)
class Offer:
    """An offer: its sections in order, and the mids it bundles."""

    sections: list[Section]
    bundle: list[str]
    ice_lite: bool = False
    origin: tuple[str, str] = ("", "")

    @property
    def identity(self) -> Identity:
        """Which peer connection it comes from."""
        prints = frozenset(fingerprint for section in self.sections for fingerprint in section.fingerprints)
        return Identity(self.origin, prints)

    @property
    def shape(self) -> tuple[tuple[str, str], ...]:
        """Kind and key of each section: an answer fits all offers of the same shape."""
        return tuple((section.kind, section.key) for section in self.sections)

    @property
    def credentials(self) -> tuple[str, str]:
        """User name fragment and password of the first section that has them, empty where none has."""
        return next(((s.ufrag, s.password) for s in self.sections if s.ufrag and s.password), ("", ""))


def parse_offer(text: str) -> Offer:
    """Parse an offer within strict limits; raises SdpError on anything a browser would not send."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise SdpError("bad_sdp", "The offer is not text: it holds half a surrogate pair.") from None
    if size > MAX_OFFER_BYTES:
        raise SdpError("sdp_too_large", f"The offer is larger than {MAX_OFFER_BYTES} bytes.")
    lines = text.splitlines()
    if len(lines) > _MAX_LINES or any(len(line) > _MAX_LINE for line in lines):
        raise SdpError("bad_sdp", "The offer has too many or too long lines.")
    if not lines or lines[0].strip() != "v=0":
        raise SdpError("bad_sdp", "The offer is not SDP: it must begin with v=0.")
    session = Section(kind="session", port=0, profile="", formats=[])
    offer = Offer(sections=[], bundle=[])
    current = session
    for line in lines[1:]:
        try:
            if line.startswith("m="):
                current = _parse_media(line[2:])
                current.direction = session.direction
                offer.sections.append(current)
            elif line.startswith("a="):
                _parse_attribute(offer, current, line[2:].rstrip())
            elif line.startswith("o="):
                name, session_id, *_ = line[2:].split()
                offer.origin = (_token(name), _token(session_id))
        except ValueError as error:
            raise SdpError("bad_sdp", f"The offer has a malformed line: {_quoted(line)}.") from error
    _finish(offer, session)
    return offer


def _quoted(line: str) -> str:
    hidden = "a=ice-pwd:"
    return repr(f"{hidden}…" if line.startswith(hidden) else line[:80])


def _parse_media(text: str) -> Section:
    kind, port_text, profile, *formats = map(_token, text.split())
    port = int(port_text.partition("/")[0])
    if not 0 <= port <= 0xFFFF:
        raise ValueError(port_text)
    section = Section(kind=kind, port=port, profile=profile, formats=formats)
    if kind in ("audio", "video"):
        for item in formats:
            payload_type = int(item)
            if not 0 <= payload_type <= 127:
                raise ValueError(item)
            section.codecs[payload_type] = Codec(payload_type, *_STATIC.get(payload_type, ()))
    return section


_STATIC = {0: ("PCMU", 8000, 1), 8: ("PCMA", 8000, 1)}


def _parse_attribute(offer: Offer, section: Section, text: str) -> None:
    name, _, value = text.partition(":")
    if name in _DIRECTIONS:
        section.direction = name
    elif name in ("rtpmap", "fmtp", "rtcp-fb"):
        _parse_codec_attribute(section, name, value)
    elif name in ("ice-ufrag", "ice-pwd", "setup", "fingerprint"):
        _parse_transport_attribute(section, name, value)
    elif name == "mid":
        section.mid = _token(value)
    elif name == "rtcp-mux":
        section.rtcp_mux = True
    elif name == "bundle-only":
        section.bundle_only = True
    elif name == "extmap":
        number, uri, *_ = value.split()
        section.extensions[uri] = int(number.partition("/")[0])
    elif name == "ice-lite":
        offer.ice_lite = True
    elif name == "group":
        semantics, *mids = value.split()
        if semantics == "BUNDLE":
            offer.bundle = mids


def _parse_transport_attribute(section: Section, name: str, value: str) -> None:
    if name == "ice-ufrag":
        section.ufrag = _token(value)
    elif name == "ice-pwd":
        section.password = _token(value)
    elif name == "setup":
        section.setup = value
    else:
        algorithm, digest = value.split()
        if algorithm.lower() in _FINGERPRINTS:
            section.fingerprints.append(f"{algorithm.lower()} {digest.upper()}")


def _parse_codec_attribute(section: Section, name: str, value: str) -> None:
    number, _, rest = value.partition(" ")
    if name == "rtcp-fb" and number == "*":
        for codec in section.codecs.values():
            codec.feedback.append(rest.strip())
        return
    selected = section.codecs.get(int(number))
    if selected is None:
        return
    if name == "fmtp":
        selected.fmtp = rest.strip()
    elif name == "rtcp-fb":
        selected.feedback.append(rest.strip())
    else:
        encoding, clock_rate, *channels = rest.strip().split("/")
        selected.name, selected.clock_rate = encoding, int(clock_rate)
        selected.channels = int(channels[0]) if channels else 1


def _token(value: str) -> str:
    token = value.strip()
    # RFC 8866 token, RFC 8839 ice-char: all of them visible ASCII.
    if not 0 < len(token) <= 256 or any(not "!" <= character <= "~" for character in token):
        raise ValueError(value)
    return token


def _finish(offer: Offer, session: Section) -> None:
    """Let sections inherit transport attributes from their bundle's first section and the session."""
    if not 0 < len(offer.sections) <= _MAX_SECTIONS:
        raise SdpError(
            "bad_sdp", f"The offer has {len(offer.sections)} media sections; 1 to {_MAX_SECTIONS} are allowed."
        )
    mids = [section.mid for section in offer.sections if section.mid is not None]
    if len(mids) != len(set(mids)):
        raise SdpError("bad_sdp", "Two media sections of the offer have the same mid.")
    for place, section in enumerate(offer.sections):
        section.key = section.mid if section.mid is not None else _unlike(mids, f"unnamed-{place}")
    tagged = next((s for s in offer.sections if s.mid is not None and s.mid in offer.bundle[:1]), None)
    for section in offer.sections:
        for parent in (tagged if section.mid in offer.bundle else None, session):
            if parent is None:
                continue
            section.ufrag = section.ufrag or parent.ufrag
            section.password = section.password or parent.password
            section.setup = section.setup or parent.setup
            section.fingerprints = section.fingerprints or parent.fingerprints


def _unlike(mids: list[str], name: str) -> str:
    while name in mids:
        name += "-"
    return name
