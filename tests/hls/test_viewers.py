"""Viewers are those who were heard of not long ago."""

from __future__ import annotations

from gateway.hls.viewers import MAX_VIEWERS, HttpViewers, Visitor, count


def visitor(name: str, *, place: str | None = None) -> Visitor:
    return Visitor(name, place or name)


def test_who_is_silent_for_long_enough_has_left() -> None:
    viewers = HttpViewers()
    viewers.seen(visitor("a"), now=10.0)
    viewers.seen(visitor("b"), now=11.0)
    viewers.seen(visitor("a"), now=12.0)
    assert viewers.forget_silent(now=13.9, idle_s=3.0) == 2
    assert viewers.forget_silent(now=14.0, idle_s=3.0) == 1
    assert viewers.forget_silent(now=15.0, idle_s=3.0) == 0
    assert len(viewers) == 0


def test_there_are_never_more_than_can_be_kept() -> None:
    viewers = HttpViewers()
    for number in range(MAX_VIEWERS + 5):
        viewers.seen(visitor(str(number)), now=float(number))
    assert len(viewers) == MAX_VIEWERS


class TestSeveralPlaylists:
    """One camera, whose newcomers may be given another playlist."""

    def test_who_begins_anew_with_another_is_still_one(self) -> None:
        older, newer = HttpViewers(), HttpViewers()
        older.seen(visitor("a"), now=1.0)
        older.seen(visitor("b"), now=2.0)
        newer.seen(visitor("a"), now=3.0)
        assert count([newer, older]) == count([older, newer]) == 2

    def test_a_grant_renewed_in_between_is_the_same_viewer_too(self) -> None:
        older, newer = HttpViewers(), HttpViewers()
        older.seen(visitor("old", place="house"), now=1.0)
        newer.seen(visitor("old", place="house"), now=5.0)
        newer.seen(visitor("new", place="house"), now=5.2)
        assert count([newer, older]) == 1
        # The other viewer in the house, who had stayed.
        older.seen(visitor("other", place="house"), now=1.5)
        older.seen(visitor("other", place="house"), now=6.0)
        assert count([newer, older]) == 2


class TestRenewedGrants:
    """One house, whose viewers all have the same address and browser."""

    def house(self, *heard: tuple[str, float]) -> HttpViewers:
        viewers = HttpViewers()
        for name, now in heard:
            viewers.seen(visitor(name, place="house"), now=now)
        return viewers

    def test_a_viewer_with_a_new_grant_is_the_same(self) -> None:
        assert len(self.house(("old", 1.0), ("old", 5.0), ("new", 5.2), ("new", 5.4))) == 1

    def test_and_stays_so_while_what_was_asked_for_before_is_answered(self) -> None:
        assert len(self.house(("old", 1.0), ("new", 5.0), ("old", 5.9), ("new", 6.0))) == 1

    def test_and_with_each_further_grant(self) -> None:
        assert len(self.house(("a", 1.0), ("a", 2.0), ("b", 2.1), ("c", 3.0), ("d", 4.0))) == 1

    def test_two_who_both_go_on_asking_are_two(self) -> None:
        assert len(self.house(("one", 1.0), ("two", 2.0), ("one", 3.5), ("two", 3.6))) == 2

    def test_one_of_two_with_a_new_grant_makes_no_third(self) -> None:
        assert len(self.house(("one", 1.0), ("two", 1.0), ("one", 4.9), ("new", 5.0), ("two", 6.5))) == 2

    def test_of_another_place_it_is_another_viewer(self) -> None:
        viewers = self.house(("old", 1.0))
        viewers.seen(visitor("new", place="elsewhere"), now=1.2)
        assert len(viewers) == 2

    def test_who_moves_with_their_grant_stays_one(self) -> None:
        viewers = self.house(("one", 1.0))
        viewers.seen(visitor("one", place="elsewhere"), now=2.0)
        assert len(viewers) == 1
