"""Takes passwords and tokens out of text, as the last defence before it is shown (pure)."""

from __future__ import annotations

import re

MASK = "***"

# Greedy up to the last "@" before white space: passwords with unescaped "@", "/", "#" or quotes vanish whole.
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://)([^\s:/?#@]*)(:?)\S*@")
# The header's value up to its closing quote in a repr, else to the end of the line.
_AUTHORIZATION = re.compile(
    r"""(?i)(authorization["']?\s*[:=,]\s*)(?:b?'[^'\r\n]*'?|b?"(?:[^"\r\n\\]|\\.)*"?|[^\r\n'"][^\r\n]*)"""
)
_SCHEME = re.compile(r"\b(Basic|Bearer|Digest)\s+(?=\S*[A-Z0-9=])[^\s'\"]{8,}")
_GRANT = re.compile(r"([A-Za-z0-9_-]{1,32}(?:\.|%2[Ee])\d{9,11}(?:\.|%2[Ee])[0-9a-f]{16}(?:\.|%2[Ee]))[0-9a-f]+")
_COOKIE = re.compile(r"(\bcamera_gateway=)[^\s;,'\"]+")
_API_KEY = re.compile(r"\bcgk_[A-Za-z0-9_\-]+")
_WORDS = r"(?:\w*(?:password|passwd|secret|token|credential)|pass|pwd|grant|api_?key|response)"
_ASSIGNED = re.compile(
    rf"""(?i)((?<![A-Za-z])(?:{_WORDS}=|["']{_WORDS}["']\s*:\s*))("[^"]*"|'[^']*'|[^\s&,;)\]}}'"]+)"""
)
_SESSION = re.compile(r"(/whep/)[A-Za-z0-9_\-]{8,}")
_ICE_PASSWORD = re.compile(r"(ice-pwd:)[A-Za-z0-9+/]+")


# C0, DEL, C1, and the separators that terminals and log readers take for a new line.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def redact(text: str) -> str:
    """`text` without URL user info, Authorization values, grants, API keys, cookies, sessions and password=… values.

    Errs on the side of hiding too much.  Never raises.
    """
    text = _USERINFO.sub(_hide_userinfo, text)
    text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _GRANT.sub(rf"\1{MASK}", text)
    text = _COOKIE.sub(rf"\1{MASK}", text)
    text = _API_KEY.sub(f"cgk_{MASK}", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _SESSION.sub(rf"\1{MASK}", text)
    return _ICE_PASSWORD.sub(rf"\1{MASK}", text)


def escape_controls(text: str) -> str:
    """`text` on one line, its control characters written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _hide_userinfo(match: re.Match[str]) -> str:
    scheme, user, colon = match.groups()
    # Without a colon what stands before the "@" may be a token.
    return f"{scheme}{user}:{MASK}@" if colon and user else f"{scheme}{MASK}@"
