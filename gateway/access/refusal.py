"""What a request is refused with: status, code, and a sentence that helps (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status` is 400, 401, 403, 404 or 414; `code` is for programs; `message` tells no camera's name or secret."""

    status: int
    code: str
    message: str


BAD_PATH: Final = Refusal(
    400, "bad_path", "This address isn't one the gateway uses: letters, digits, '_', '-', '.', '~' and single slashes"
)
BAD_QUERY: Final = Refusal(400, "bad_query", "The part of this address after '?' can't be understood")
NO_CAMERA: Final = Refusal(400, "bad_query", "Say which camera: ?src=NAME, once")
TOO_LONG: Final = Refusal(414, "uri_too_long", "This address is too long")
MISSING: Final = Refusal(401, "sign_in_required", "Sign in, or use an address that was signed for you")
MALFORMED: Final = Refusal(401, "grant_invalid", "The signature in this request is damaged; ask for a new address")
UNKNOWN_KEY: Final = Refusal(
    401, "grant_invalid", "This address was signed with a key that is no longer in use; ask for a new one"
)
EXPIRED: Final = Refusal(401, "grant_expired", "The time this address was signed for is over; ask for a new one")
TOO_FAR: Final = Refusal(401, "grant_invalid", "This address was signed for longer than an hour; ask for a new one")
WITHDRAWN: Final = Refusal(401, "grant_withdrawn", "This address was withdrawn by an administrator; ask for a new one")
BAD_CREDENTIALS: Final = Refusal(401, "credentials_invalid", "The name, password or key in this request is wrong")
SIGNED_OUT: Final = Refusal(401, "signed_out", "You are signed out; sign in again")
FORBIDDEN: Final = Refusal(403, "forbidden", "You may not see or do this")
NOT_FOUND: Final = Refusal(404, "not_found", "There is nothing at this address")
