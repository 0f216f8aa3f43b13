"""The throttle: how much at once, how soon again, and that it can't grow."""

from __future__ import annotations

import pytest

from gateway.access.throttle import LOGIN_PER_ADDRESS, Rate, Throttle, address_key


def test_a_burst_passes_then_one_each_interval() -> None:
    throttle = Throttle(Rate(burst=3, interval_s=2.0))
    assert [throttle.take("a", now=1e6) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert throttle.take("a", now=1e6 + 1.5) == 0.5
    assert throttle.take("a", now=1e6 + 2.0) == 0.0
    assert throttle.take("a", now=1e6 + 2.0) == 2.0


def test_what_was_refused_costs_nothing() -> None:
    throttle = Throttle(Rate(burst=1, interval_s=10.0))
    throttle.take("a", now=0.0)
    for _ in range(100):
        assert throttle.take("a", now=5.0) == 5.0
    assert throttle.wait_s("a", now=5.0) == 5.0
    assert throttle.take("a", now=10.0) == 0.0


def test_a_long_rest_gives_no_more_than_a_burst() -> None:
    throttle = Throttle(Rate(burst=2, interval_s=1.0))
    throttle.take("a", now=0.0)
    assert [throttle.take("a", now=1e9) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_any_rate_lets_its_whole_burst_pass() -> None:
    for now in (0.1, 12345.678, 1e9 + 0.3):
        throttle = Throttle(Rate(burst=60, interval_s=0.1))
        assert [throttle.take("a", now=now) for _ in range(60)] == [0.0] * 60
        assert throttle.take("a", now=now) > 0.09


def test_each_key_has_its_own_bucket_and_one_token_can_be_given_back() -> None:
    throttle = Throttle(Rate(burst=2, interval_s=1.0))
    assert [throttle.take(key, now=0.0) for key in ("a", "b", "a", "a")] == [0.0, 0.0, 0.0, 1.0]
    throttle.give_back("a")
    throttle.give_back("never seen")
    assert [throttle.take("a", now=0.0) for _ in range(2)] == [0.0, 1.0]


def test_beyond_its_size_it_forgets_who_came_longest_ago() -> None:
    throttle = Throttle(Rate(burst=1, interval_s=100.0), max_keys=3)
    for key in ("a", "b", "c"):
        throttle.take(key, now=0.0)
    assert throttle.take("a", now=1.0) == 99.0  # refused, and yet not idle
    throttle.take("d", now=1.0)
    assert len(throttle) == 3
    assert throttle.wait_s("b", now=1.0) == 0.0
    assert throttle.wait_s("a", now=1.0) == 99.0


def test_guessing_one_password_from_one_address_is_slow() -> None:
    throttle = Throttle(LOGIN_PER_ADDRESS)
    guesses = sum(throttle.take("192.0.2.1", now=float(second)) == 0.0 for second in range(3600))
    assert guesses <= 610


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_customer_is_one_address(host: str, key: str) -> None:
    assert address_key(host) == key
