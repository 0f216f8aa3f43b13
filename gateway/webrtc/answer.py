"""The filter around aiortc: it sees a reduced offer, and its answer is put back into the shape of the real one.

aiortc gets only the sections and codecs that will be used, written in terms it knows.  Its answer then gets the
unused sections in their place, the offer's own payload types and H.264 profile, `ice-lite`, and playout-delay.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.webrtc.sdp import Codec, Offer, Section
from gateway.webrtc.selection import PLAYOUT_DELAY_URI, Selection

_FEEDBACK = ("nack", "nack pli", "goog-remb")

_TRANSPORT_LINES = ("c=", "a=ice-", "a=candidate:", "a=end-of-candidates", "a=fingerprint:", "a=setup:")

_REDUCED_PAYLOAD_TYPE = {"H264": 96, "rtx": 97, "opus": 98, "PCMU": 0, "PCMA": 8}
_REDUCED_H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"


def reduced_offer(offer: Offer, selection: Selection) -> str:
    """The offer that aiortc is to see: only the sections taken up, in terms it knows."""
    taken = [s for s in offer.sections if s.key in selection.mids]
    mids = " ".join(s.key for s in taken)
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    for section in taken:
        mid = section.key
        lines += _reduced_codecs(section, selection)
        lines += ["c=IN IP4 0.0.0.0", f"a=mid:{mid}", "a=recvonly", "a=rtcp-mux"]
        lines += [f"a=ice-ufrag:{section.ufrag}", f"a=ice-pwd:{section.password}"]
        lines += [f"a=fingerprint:{fingerprint}" for fingerprint in section.fingerprints]
        # Saying "active" for a viewer that left it open makes aiortc answer "passive": with the viewer as DTLS
        # client Chromium picks AES-GCM, half the price of AES-CM.
        lines.append(f"a=setup:{'passive' if section.setup == 'passive' else 'active'}")
    return "\r\n".join(lines) + "\r\n"


def _reduced_codecs(section: Section, selection: Selection) -> list[str]:
    if section.kind == "audio" and selection.audio:
        codec = selection.audio.codec
        name = next(known for known in _REDUCED_PAYLOAD_TYPE if known.lower() == codec.name.lower())
        number = _REDUCED_PAYLOAD_TYPE[name]
        channels = "/2" if name == "opus" else ""
        return [f"m=audio 9 UDP/TLS/RTP/SAVPF {number}", f"a=rtpmap:{number} {name}/{codec.clock_rate}{channels}"]
    video, rtx = _REDUCED_PAYLOAD_TYPE["H264"], _REDUCED_PAYLOAD_TYPE["rtx"]
    with_rtx = selection.video is not None and selection.video.rtx_payload_type is not None
    lines = [f"m=video 9 UDP/TLS/RTP/SAVPF {video}{f' {rtx}' if with_rtx else ''}"]
    lines += [f"a=rtpmap:{video} H264/90000", f"a=fmtp:{video} {_REDUCED_H264}"]
    if with_rtx:
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={video}"]
    return lines


def complete_answer(answer: str, offer: Offer, selection: Selection) -> str:
    """Put aiortc's answer to the reduced offer back into the shape of the real offer."""
    session, sections = _split(answer)
    lines = [line for line in session if not line.startswith("a=group:")]
    # Only what the offer bundles may be bundled in the answer (RFC 8843 section 7.3).
    in_bundle = any(mid in offer.bundle for mid in selection.mids)
    held = {s.key for s in offer.sections if in_bundle and s.key not in selection.mids and _can_be_held(s, offer)}
    bundled = [s.key for s in offer.sections if s.key in offer.bundle and s.key in selection.mids | held]
    if bundled:
        lines.append(f"a=group:BUNDLE {' '.join(bundled)}")
    lines.append("a=ice-lite")
    for section in offer.sections:
        if section.key in selection.mids:
            lines += _accepted(sections[section.key], section, selection, named=section.mid is not None)
        elif section.key in held:
            lines += _held(section, next(iter(sections.values())))
        else:
            lines += _rejected(section)
    return "\r\n".join(lines) + "\r\n"


def _can_be_held(section: Section, offer: Offer) -> bool:
    return (
        section.kind in ("audio", "video")
        and section.mid is not None
        and section.mid in offer.bundle
        and section.rtcp_mux
        and any(codec.name for codec in section.codecs.values())
    )


def _held(section: Section, taken: list[str]) -> list[str]:
    """An unused section inside the bundle: inactive instead of rejected, on the transport of the section `taken`.

    Chromium with max-bundle can't apply an answer that rejects the first section of the bundle, and aiortc as a client
    none that rejects any.
    """
    codec = next(codec for codec in section.codecs.values() if codec.name)
    lines = [f"m={section.kind} {taken[0].split()[1]} {section.profile} {codec.payload_type}"]
    lines += [line for line in taken if line.startswith(_TRANSPORT_LINES)]
    lines += [f"a=mid:{section.mid}", "a=inactive", "a=rtcp-mux"]
    return lines + _codec_lines(codec)


def _split(answer: str) -> tuple[list[str], dict[str, list[str]]]:
    session: list[str] = []
    sections: list[list[str]] = []
    for line in answer.splitlines():
        if line.startswith("m="):
            sections.append([])
        (sections[-1] if sections else session).append(line)
    by_mid = {
        line.removeprefix("a=mid:"): section for section in sections for line in section if line.startswith("a=mid:")
    }
    return session, by_mid


def _accepted(lines: list[str], section: Section, selection: Selection, *, named: bool) -> list[str]:
    codecs, extra = _answered_codecs(section, selection)
    port = lines[0].split()[1]
    formats = " ".join(str(codec.payload_type) for codec in codecs)
    result = [f"m={section.kind} {port} {section.profile} {formats}"]
    for line in lines[1:]:
        if line.startswith(("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:")):
            continue
        if line.startswith("a=mid:") and not named:
            continue
        result.append(line)
    return result + extra


def _answered_codecs(section: Section, selection: Selection) -> tuple[list[Codec], list[str]]:
    lines: list[str] = []
    if section.kind == "audio" and selection.audio:
        codecs = [selection.audio.codec]
    elif selection.video:
        codecs = [selection.video.codec]
        if selection.video.rtx_payload_type is not None:
            codecs.append(section.codecs[selection.video.rtx_payload_type])
        if selection.video.playout_delay_id:
            lines.append(f"a=extmap:{selection.video.playout_delay_id} {PLAYOUT_DELAY_URI}")
    else:
        codecs = []
    for codec in codecs:
        lines += _codec_lines(codec)
    return codecs, lines


def _codec_lines(codec: Codec) -> list[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{codec.payload_type} {item}" for item in _FEEDBACK if item in codec.feedback]
    if codec.fmtp:
        lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
    return lines


def _rejected(section: Section) -> list[str]:
    formats = " ".join(section.formats) or "0"
    lines = [f"m={section.kind} 0 {section.profile} {formats}", "c=IN IP4 0.0.0.0"]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
    lines.append("a=inactive")
    return lines


def restarted_answer(answer: str, *, ufrag: str, password: str, candidates: Sequence[str], version: int) -> str:
    """A session's answer again, with the ICE credentials of a new generation and the addresses of now.

    RFC 8839 section 4.4.1; `candidates` as after `a=candidate:`, `version` goes into the o= line.
    """
    offered = [f"a=candidate:{candidate}" for candidate in candidates]
    lines: list[str] = []
    for line in answer.splitlines():
        if line.startswith("o="):
            name, session, _, rest = line[2:].split(" ", 3)
            lines.append(f"o={name} {session} {version} {rest}")
        elif line.startswith("a=ice-ufrag:"):
            lines.append(f"a=ice-ufrag:{ufrag}")
        elif line.startswith("a=ice-pwd:"):
            lines.append(f"a=ice-pwd:{password}")
        elif line == "a=end-of-candidates":
            lines += [*offered, line]
        elif not line.startswith("a=candidate:"):
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def ice_fragment(answer: str) -> str:
    """The ICE part of an answer as an SDP fragment, for WHEP's restart (RFC 8840 section 9; RFC 9725 section 4.3.3)."""
    wanted = ("a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates", "a=mid:")
    lines = ["a=ice-lite"]
    in_section = False
    for line in answer.splitlines():
        if line.startswith("m="):
            if in_section:
                break
            in_section = line.split(" ", 2)[1] != "0"
            if in_section:
                lines.append(line)
        elif in_section and line.startswith(wanted):
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"
