"""Offers as they come over the wire, and what is said to those that can't be answered."""

from __future__ import annotations

from gateway.errors import BadRequest, TooLarge, Unprocessable
from gateway.webrtc.sdp import Offer, SdpError, parse_offer


def read_offer(sdp: str) -> Offer:
    """An offer; raises BadRequest, TooLarge or Unprocessable."""
    try:
        return parse_offer(sdp)
    except SdpError as error:
        raise refusal(error) from None


def refusal(error: SdpError) -> BadRequest | TooLarge | Unprocessable:
    """What HTTP says to it."""
    if error.code == "sdp_too_large":
        return TooLarge(str(error), code=error.code)
    if error.malformed:
        return BadRequest(str(error), code=error.code)
    return Unprocessable(str(error), code=error.code)
