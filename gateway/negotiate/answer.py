"""A plan as the JSON of `negotiate` (pure)."""

from __future__ import annotations

from typing import Any

from gateway.negotiate.policy import Plan, Rung
from gateway.negotiate.wishes import VERSION


def plan_json(plan: Plan) -> dict[str, Any]:
    """The answer; `message` is there only when there is no rung, or the camera sends nothing just now."""
    body: dict[str, Any] = {
        "version": VERSION,
        "rungs": [_rung(rung) for rung in plan.rungs],
        "absent": [{"rung": missing.rung, "code": missing.code, "message": missing.message} for missing in plan.absent],
    }
    if plan.message is not None:
        body["message"] = plan.message
    return body


def _rung(rung: Rung) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "rung": rung.rung,
        "url": rung.place.url,
        "timeout_s": rung.timeout_s,
        "latency_s": rung.latency_s,
        "expires_at": rung.place.expires_at,
    }
    if rung.candidates:
        shown["ice_servers"] = [dict(server) for server in rung.ice_servers]
        shown["candidates"] = list(rung.candidates)
    return shown
