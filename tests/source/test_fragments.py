from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

import pytest

from gateway.media.annexb import START_CODE, split_annex_b
from gateway.source import fragments
from gateway.source.fragments import PICTURES_TO_TRUST, FragmentJoiner, Habit, Joined, leads_only
from tests.source.coded_pictures import FULL, Splitting, coded, fragments_of, parsed

TICKS = 3000
SPS, PPS, SEI, AUD = b"\x67\x42\xc0\x1e", b"\x68\xce\x3c\x80", b"\x06\x05\x01\x55\x80", b"\x09\xf0"


def _slice(size: int, *, key: bool = False, first: bool = True) -> bytes:
    """A slice's NAL unit; all that is read of it is its type and whether it is the first of its picture."""
    return (b"\x65" if key else b"\x41") + (b"\x88" if first else b"\x48") + b"\x55" * (size - 2)


class Feed:
    """Gives a joiner pictures of so many fragments, and remembers what came out."""

    def __init__(self, joiner: FragmentJoiner | None = None) -> None:
        self.joiner = joiner or FragmentJoiner()
        self.out: list[Joined] = []
        self.pts = 0

    def picture(self, pieces: Iterable[bytes], *, step: int = TICKS) -> list[Joined]:
        """All fragments of one picture; returns what is known with them."""
        self.pts += step
        out = [joined for piece in pieces for joined in self.joiner.add(piece, self.pts)]
        self.out += out
        return out

    def nal_units(self, *nal_units: bytes, step: int = TICKS) -> list[Joined]:
        return self.picture(
            [piece for nal_unit in nal_units for piece in _pieces(nal_unit)],
            step=step,
        )

    def habit(self) -> Habit:
        return self.joiner.habit

    @property
    def data(self) -> list[bytes]:
        return [joined.data for joined in self.out]


def _pieces(nal_unit: bytes) -> list[bytes]:
    return [START_CODE + nal_unit] if len(nal_unit) <= FULL + 2 else fragments_of(nal_unit, FULL)


def _trusted(*, slices: int = 1) -> Feed:
    """A camera that is known: one keyframe, then pictures of `slices` slices."""
    feed = Feed()
    for number in range(PICTURES_TO_TRUST + 2):
        key = number % 20 == 0
        nal_units = [_slice(3 * FULL + 50 if key else 150, key=key, first=index == 0) for index in range(slices)]
        feed.nal_units(*([SPS, PPS] if key else []), *nal_units)
    assert feed.habit() is Habit.TRUSTED
    feed.out.clear()
    return feed


def _stream(units: Sequence[bytes], splitting: Splitting) -> list[bytes]:
    return [splitting.joined(unit) for unit in units]


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("full", [60, FULL, 1398])
@pytest.mark.parametrize("aggregates", [False, True])
@pytest.mark.parametrize("delimiter", [False, True])
def test_pictures_are_those_of_ffmpegs_parser_only_earlier(
    slices: int, full: int, *, aggregates: bool, delimiter: bool
) -> None:
    units = coded(slices=slices)
    splitting = Splitting(full, aggregates=aggregates, delimiter=delimiter)
    feed = Feed()
    for unit in units:
        feed.picture(splitting.fragments(unit))
    last = feed.joiner.close()
    expected = parsed(b"".join(_stream(units, splitting)))
    assert feed.data + ([last.data] if last else []) == expected
    assert [joined.keyframe for joined in feed.out] == [index % 10 == 0 for index in range(len(feed.out))]
    assert feed.habit() is Habit.TRUSTED
    assert sum(joined.early for joined in feed.out) > 20
    pts = [joined.pts for joined in feed.out]
    assert all(later - earlier == TICKS for earlier, later in itertools.pairwise(pts))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_camera_does_pictures_are_whole_but_the_one_that_breaks_its_habit(seed: int) -> None:
    chance = random.Random(seed)
    units = coded(slices=chance.choice((1, 2, 3)), seed=chance.choice((1, 2)))
    usual = Splitting(chance.choice((90, FULL)), aggregates=chance.random() < 0.5)
    odd_from = chance.choice((0, 10, 45))
    feed = Feed()
    expected: list[bytes] = []
    broken_at: list[int] = []
    for number, unit in enumerate(units):
        pieces = usual.fragments(unit)
        if number >= odd_from and chance.random() < 0.3:
            pieces = [
                piece
                for nal_unit in split_annex_b(unit)
                for piece in fragments_of(nal_unit, *(chance.randint(20, 700) for _ in range(9)))
            ]
        feed.picture(pieces)
        expected.append(b"".join(pieces))
        if feed.joiner.broken:
            feed.joiner.broken = False
            broken_at.append(number)
    last = feed.joiner.close()
    pictures = feed.out + ([last] if last else [])
    assert len(broken_at) <= 1
    wrong = [joined.pts // TICKS - 1 for joined in pictures if joined.data != expected[joined.pts // TICKS - 1]]
    assert wrong == broken_at
    assert [joined.pts // TICKS - 1 for joined in pictures] == list(range(len(units)))
    if broken_at:
        assert feed.habit() is Habit.REFUSED


@pytest.mark.parametrize("seed", range(30))
def test_lost_packets_never_make_it_pass_on_a_picture_twice_or_raise(seed: int) -> None:
    chance = random.Random(seed)
    units = coded(slices=chance.choice((1, 3)))
    feed = Feed()
    for unit in units * 3:
        feed.picture(piece for piece in Splitting().fragments(unit) if chance.random() > 0.02)
    pts = [joined.pts for joined in feed.out]
    assert pts == sorted(set(pts))
    assert not feed.joiner.broken


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_survived(seed: int) -> None:
    chance = random.Random(seed)
    joiner = FragmentJoiner()
    for _ in range(500):
        data = (START_CODE if chance.random() < 0.4 else b"") + chance.randbytes(chance.randint(0, 30))
        joiner.add(data, chance.choice((None, *range(5))))
    joiner.close()


def test_a_picture_that_fills_its_last_packet_waits_for_the_next() -> None:
    feed = _trusted()
    assert [joined.early for joined in feed.nal_units(_slice(1 + 3 * FULL))] == []
    assert [joined.early for joined in feed.nal_units(_slice(150))] == [False, True]
    assert [len(data) for data in feed.data] == [5 + 3 * FULL, 154]


def test_it_trusts_nothing_before_a_keyframe_and_whole_fragments_were_seen() -> None:
    feed = Feed()
    for _ in range(3 * PICTURES_TO_TRUST):
        feed.nal_units(_slice(150))
    assert feed.habit() is Habit.LEARNING
    feed.nal_units(SPS, PPS, _slice(9 * FULL, key=True))
    feed.nal_units(_slice(150))
    assert feed.habit() is Habit.TRUSTED


def test_a_camera_that_splits_evenly_is_never_trusted() -> None:
    feed = Feed()
    for number in range(4 * PICTURES_TO_TRUST):
        size = 1000 + 7 * number
        feed.picture(fragments_of(_slice(size, key=number % 10 == 0), size // 3))
    assert feed.habit() is Habit.REFUSED
    assert not any(joined.early for joined in feed.out)
    assert not feed.joiner.broken


def test_a_camera_whose_slices_are_limited_in_size_is_never_trusted() -> None:
    feed = Feed()
    for number in range(4 * PICTURES_TO_TRUST):
        count = 9 if number % 10 == 0 else 1
        feed.nal_units(*(_slice(FULL, key=count > 1, first=index == 0) for index in range(count)))
    assert feed.habit() is not Habit.TRUSTED
    assert not any(joined.early for joined in feed.out)


def test_a_camera_that_sends_more_behind_its_slices_is_never_trusted() -> None:
    feed = Feed()
    for number in range(4 * PICTURES_TO_TRUST):
        feed.nal_units(_slice(3 * FULL + 9, key=number % 10 == 0), SEI)
    assert feed.habit() is Habit.REFUSED
    assert not any(joined.early for joined in feed.out)
    assert all(data.endswith(SEI) for data in feed.data)


def test_a_slice_more_than_usual_spoils_that_picture_and_ends_the_trust_for_good() -> None:
    feed = _trusted()
    feed.nal_units(_slice(150), _slice(3 * FULL + 9, first=False))
    assert feed.joiner.broken
    assert feed.habit() is Habit.REFUSED
    feed.joiner.broken = False
    for _ in range(3 * PICTURES_TO_TRUST):
        feed.nal_units(_slice(150), _slice(150, first=False))
    assert len(feed.out) == 3 * PICTURES_TO_TRUST
    assert [joined.early for joined in feed.out] == [True] + [False] * (3 * PICTURES_TO_TRUST - 1)
    assert len(feed.data[0]) == 154
    assert {len(data) for data in feed.data[1:]} == {308}
    assert not feed.joiner.broken


def test_a_slice_less_than_usual_only_waits() -> None:
    feed = _trusted(slices=2)
    assert feed.nal_units(_slice(150)) == []
    feed.nal_units(_slice(150), _slice(150, first=False))
    assert [joined.early for joined in feed.out] == [False, True]


@pytest.mark.parametrize("delimited", [False, True])
def test_fields_under_one_timestamp_are_pictures_of_their_own(*, delimited: bool) -> None:
    feed = _trusted()
    lead = (AUD,) if delimited else ()
    feed.nal_units(*lead, _slice(150), *lead, _slice(160))
    feed.nal_units(_slice(170))
    size = 6 if delimited else 0
    assert [len(data) for data in feed.data] == [154 + size, 164 + size]
    assert feed.habit() is Habit.REFUSED
    assert not feed.joiner.broken


def test_fields_are_told_apart_while_nothing_is_known() -> None:
    feed = Feed()
    for _ in range(3):
        feed.nal_units(_slice(150), _slice(160))
    assert [len(data) for data in feed.data] == [154, 164, 154, 164, 154]


def test_parameter_sets_between_slices_stay_in_their_picture() -> None:
    feed = Feed()
    for number in range(PICTURES_TO_TRUST + 2):
        key = number % 20 == 0
        lead = [SPS, PPS] if key else []
        size = 3 * FULL if key else 150
        feed.nal_units(*lead, _slice(size, key=key), *lead, _slice(size, key=key, first=False))
    assert feed.habit() is Habit.TRUSTED
    assert split_annex_b(feed.data[0])[::3] == [SPS, SPS]
    assert len(feed.out) >= PICTURES_TO_TRUST + 1


def test_parameter_sets_under_a_timestamp_of_their_own_belong_to_the_next_picture() -> None:
    feed = _trusted()
    feed.nal_units(SPS, PPS)
    feed.nal_units(_slice(3 * FULL, key=True))
    feed.nal_units(_slice(150))
    assert split_annex_b(feed.data[0])[:2] == [SPS, PPS]
    assert len(feed.out) == 1
    assert feed.habit() is Habit.REFUSED


def test_timestamps_that_move_within_a_picture_do_not_split_it() -> None:
    """FFmpeg corrects them by each sender report when there is sound."""
    feed = _trusted(slices=2)
    pieces = [piece for index in range(2) for piece in _pieces(_slice(3 * FULL + 9, first=index == 0))]
    for cut in range(1, len(pieces)):
        feed.picture(pieces[:cut])
        feed.picture(pieces[cut:], step=cut % 3 * 40 - 40)
    assert set(feed.data) == {b"".join(pieces)}
    assert len(feed.out) == len(pieces) - 1
    assert all(joined.early for joined in feed.out)


@pytest.mark.parametrize("kind", [2, 12, 14, 20])
def test_nal_units_of_other_kinds_are_not_trusted(kind: int) -> None:
    feed = _trusted()
    feed.nal_units(bytes((kind,)) + b"\x55" * 20, _slice(150))
    feed.nal_units(_slice(150))
    assert feed.habit() is Habit.REFUSED
    assert len(feed.out) == 1
    assert not feed.out[0].early


def test_a_lost_beginning_loses_the_picture_and_costs_no_trust() -> None:
    feed = _trusted()
    feed.picture(_pieces(_slice(3 * FULL + 9))[1:])
    feed.nal_units(_slice(150))
    assert [len(data) for data in feed.data] == [154]
    assert feed.habit() is Habit.TRUSTED


def test_what_was_learned_is_learned_anew_after_a_difference() -> None:
    feed = _trusted()
    # The first packet behind the delimiter was lost.
    feed.picture([START_CODE + AUD, *_pieces(_slice(3 * FULL + 9))[1:]])
    assert feed.habit() is Habit.LEARNING
    for number in range(PICTURES_TO_TRUST + 2):
        feed.nal_units(_slice(3 * FULL if number == 0 else 150, key=number == 0))
    assert feed.habit() is not Habit.REFUSED
    assert not feed.joiner.broken


def test_fragments_without_a_timestamp_are_not_trusted() -> None:
    joiner = FragmentJoiner()
    assert joiner.add(START_CODE + _slice(100), None) == []
    assert joiner.habit is Habit.REFUSED
    joiner.add(START_CODE + _slice(100), 0)
    joiner.add(START_CODE + _slice(90, first=False), None)
    last = joiner.close()
    assert last is not None
    assert len(last.data) == 198


def test_an_endless_picture_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_PICTURE_BYTES", 10 * FULL)
    feed = Feed()
    feed.nal_units(_slice(30 * FULL, key=True))
    assert feed.joiner.broken
    assert feed.nal_units(_slice(150)) == []
    assert [len(joined.data) for joined in feed.nal_units(_slice(150))] == [154]


def test_entering_at_a_keyframe_without_its_first_packet() -> None:
    feed = Feed()
    feed.joiner.enter()
    feed.nal_units(_slice(3 * FULL + 9, key=True))
    feed.nal_units(_slice(150))
    assert [joined.keyframe for joined in feed.out] == [True]
    assert not feed.joiner.broken


@pytest.mark.parametrize(
    "pieces",
    [
        _pieces(_slice(3 * FULL + 9)),
        _pieces(_slice(3 * FULL + 9, key=True))[1:],
        _pieces(_slice(150, key=True, first=False)),
    ],
    ids=["another picture", "the middle of a slice", "a later slice"],
)
def test_entering_anywhere_else_is_noticed(pieces: list[bytes]) -> None:
    feed = Feed()
    feed.joiner.enter()
    feed.picture(pieces)
    assert feed.joiner.broken
    assert feed.habit() is Habit.REFUSED
    assert feed.nal_units(_slice(150)) == []


def test_what_was_learned_outlives_a_close() -> None:
    feed = _trusted()
    assert feed.joiner.close() is None
    feed.joiner.enter()
    assert [joined.early for joined in feed.nal_units(PPS, _slice(3 * FULL + 9, key=True))] == [True]


@pytest.mark.parametrize(
    ("data", "leads"),
    [
        (START_CODE + SPS, True),
        (START_CODE + AUD + START_CODE + SPS + START_CODE + PPS, True),
        (START_CODE + SPS + START_CODE + SEI, False),
        (START_CODE + _slice(100, key=True), False),
        (SPS, False),
    ],
)
def test_a_packet_of_nothing_but_parameter_sets_is_recognised(data: bytes, *, leads: bool) -> None:
    assert leads_only(data) is leads
