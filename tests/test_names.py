"""Camera names."""

from __future__ import annotations

import pytest

from gateway.names import check_prefix_free, parse_camera_name, prefix_conflicts


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "1",
        "front-door",
        "camera.front_door",
        "site1/yard",
        "A9_.-",
        "a" * 64,
        "/".join("abcdefgh"),
        "yard/api",  # reserved as the first part only
        "negotiate/yard",  # reserved as the last part only
        "sign-here",
        "API",
        "whep2",
    ],
)
def test_a_name_of_the_grammar_is_taken_as_it_is(name: str) -> None:
    assert parse_camera_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "needs a name"),
        ("/a", "empty part"),
        ("a/", "empty part"),
        ("a//b", "empty part"),
        ("a" * 65, "at most 64 characters"),
        ("/".join("abcdefghi"), "at most 8 parts"),
        (".", "begins with a letter or digit"),
        ("..", "begins with a letter or digit"),
        ("a/../b", "begins with a letter or digit"),
        ("-a", "begins with a letter or digit"),
        ("_a", "begins with a letter or digit"),
        ("front door", "made of letters"),
        ("a\n", "made of letters"),
        ("a%2Fb", "made of letters"),
        ("büro", "made of letters"),
        ("٣", "made of letters"),  # a digit for str.isdigit, none for a URL
        *((word, f"begin with '{word}'") for word in ("api", "g", "static", "metrics", "healthz", "readyz", "login")),
        ("api/yard", "begin with 'api'"),
        *((f"{word}/a", f"part '{word}'") for word in ("whep", "_hls", "snapshot.jpg", "index.m3u8")),
        *((f"a/{word}/b", f"part '{word}'") for word in ("whep", "_hls", "snapshot.jpg", "index.m3u8")),
        ("a/whep", "part 'whep'"),
        ("a/negotiate", "end with 'negotiate'"),
        ("sign", "end with 'sign'"),
    ],
)
def test_any_other_name_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace(".", r"\.")):
        parse_camera_name(name)


def test_names_that_only_begin_with_the_same_letters_do_not_collide() -> None:
    check_prefix_free(["cam1", "cam10", "cam1-x", "site/cam1", "site/cam10"])


def test_a_name_below_another_collides_with_it_at_every_depth() -> None:
    assert prefix_conflicts(["a/b/c", "a", "a/b", "b"]) == [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a/b/c")]


def test_a_collision_names_both_cameras() -> None:
    with pytest.raises(ValueError, match="'yard/gate' lies below the camera 'yard'"):
        check_prefix_free(["yard/gate", "yard"])
