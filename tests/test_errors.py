"""Errors: status, code, words."""

from __future__ import annotations

import re

from gateway import errors
from gateway.errors import BadRequest, CameraOffline, GatewayError, NotFound, PortInUse, Unavailable


def every(base: type[GatewayError]) -> list[type[GatewayError]]:
    return [kind for below in base.__subclasses__() for kind in (below, *every(below))]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = re.findall(r"[├└]── (\w+) +(\S+)", errors.__doc__ or "")
    actual = {kind.__name__: kind for kind in every(GatewayError)}
    assert sorted(name for name, _ in drawn) == sorted(actual)
    for name, status in drawn:
        if status.isdigit():
            assert actual[name].status == int(status)


def test_each_kind_has_a_code_of_its_own() -> None:
    own = [kind for kind in every(GatewayError) if "default_code" in vars(kind)]
    assert len({kind.default_code for kind in own}) == len(own)


def test_the_body_is_the_one_of_the_protocol() -> None:
    error = BadRequest("The SDP has no video", code="no_video")
    assert error.body() == {"error": {"code": "no_video", "message": "The SDP has no video"}}
    assert str(error) == "The SDP has no video"
    assert NotFound.camera("yard").body() == {
        "error": {"code": "camera_not_found", "message": "There is no camera 'yard'"}
    }
    assert NotFound.session().code == "session_not_found"


def test_what_may_pass_says_when_to_try_again() -> None:
    assert CameraOffline("No answer", retry_after_s=2).retry_after_s == 2
    assert Unavailable("Too many viewers", retry_after_s=5).status == 503


def test_a_taken_port_ends_the_program_like_any_wrong_configuration() -> None:
    error = PortInUse(key="listen", address="127.0.0.1:8080")
    assert error.exit_code == 2
    assert error.lines == ("listen: another program already uses 127.0.0.1:8080; stop it or choose another port",)
