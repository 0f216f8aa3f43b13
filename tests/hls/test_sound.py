"""Sound beside the parts: nothing lost, no hole, silence where it stays away."""

from __future__ import annotations

import av
import numpy as np
import pytest

from gateway.hls.fmp4 import AacEntry, OpusEntry
from gateway.hls.sound import AudioLane, silence_for
from tests.hls.streams import AAC, sound_unit

ENTRY = AacEntry(AAC.config, 1, 16_000)
PART = 18_000
PACKET = 1024
"""64 ms at 16 kHz."""


def lane() -> AudioLane:
    return AudioLane(ENTRY)


@pytest.mark.parametrize(("channels", "config"), [(1, "1408"), (2, "1410")])
def test_silence_in_aac_is_decoded_as_silence(channels: int, config: str) -> None:
    silence = silence_for(AacEntry(bytes.fromhex(config), channels, 16_000))
    assert silence is not None
    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = bytes.fromhex(config)
    frames = [frame for _ in range(3) for frame in decoder.decode(av.Packet(silence.data))]
    assert [(frame.samples, frame.layout.nb_channels) for frame in frames] == [(1024, channels)] * 3
    assert all(not np.any(frame.to_ndarray()) for frame in frames)


def test_silence_in_opus_is_decoded_as_silence() -> None:
    silence = silence_for(OpusEntry(2))
    assert silence is not None
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate = 48_000
    frames = decoder.decode(av.Packet(silence.data))
    assert [frame.samples for frame in frames] == [silence.ticks]
    assert not any(np.any(frame.to_ndarray()) for frame in frames)


@pytest.mark.parametrize(("channels", "config"), [(1, "2c08"), (6, "1430")])
def test_there_is_no_silence_for_what_is_not_plain_aac(channels: int, config: str) -> None:
    assert silence_for(AacEntry(bytes.fromhex(config), channels, 16_000)) is None


def test_each_part_takes_the_packets_that_begin_in_it() -> None:
    sound = lane()
    for number in range(7):
        sound.add(sound_unit(number * PACKET, AAC))
    # A part of 200 ms is 3200 samples: packets 0 to 3 begin in it.
    first, second = sound.take(begin=0, end=PART), sound.take(begin=PART, end=2 * PART)
    assert first is not None
    assert second is not None
    assert (first.decode_time, len(first.samples)) == (0, 4)
    assert (second.decode_time, len(second.samples)) == (4 * PACKET, 3)
    assert sound.waiting == 0


def test_sound_from_before_the_pictures_is_left_out() -> None:
    sound = lane()
    for number in range(4):
        sound.add(sound_unit(number * PACKET, AAC))
    run = sound.take(begin=9000, end=9000 + PART)
    assert run is not None
    assert (run.decode_time, sound.dropped) == (2 * PACKET, 2)


def test_sound_that_lags_by_more_than_a_part_begins_where_the_pictures_did() -> None:
    sound = lane()
    runs = []
    for number in range(20):
        # Three parts behind; what came before the first picture is none of it.
        sound.add(sound_unit(number * PACKET - 10_000, AAC))
        runs.append(sound.take(begin=number * 5760, end=(number + 1) * 5760))
    begun = [run for run in runs if run is not None]
    assert begun[0].decode_time == 10 * PACKET - 10_000
    assert sum(len(run.samples) for run in begun) == 10
    assert sound.dropped == 10


def test_sound_that_lags_for_longer_than_anyone_waits_is_silence_from_the_first_part_on() -> None:
    sound = lane()
    sound.add(sound_unit(-30 * PACKET, AAC))
    runs = [sound.take(begin=number * PART, end=(number + 1) * PART) for number in range(6)]
    assert runs[:5] == [None] * 5
    assert runs[5] is not None
    assert runs[5].decode_time == 0
    assert sum(sample.duration for sample in runs[5].samples) >= 6 * 3200


def test_what_a_discontinuity_cuts_off_is_filled_up_with_silence() -> None:
    sound = lane()
    for number in range(2):
        sound.add(sound_unit(number * PACKET, AAC))
    # Sound from behind the discontinuity may have come already.
    sound.add(sound_unit(60 * PACKET, AAC))
    sound.conclude()
    run = sound.take(begin=0, end=PART)
    assert run is not None
    assert sum(sample.duration for sample in run.samples) >= PART * 16_000 // 90_000
    assert [len(sample.pieces) for sample in run.samples] == [1] * 4
    sound.restart()
    following = sound.take(begin=60 * 5760, end=60 * 5760 + PART)
    assert following is not None
    assert (following.decode_time, len(following.samples)) == (60 * PACKET, 1)


def test_a_discontinuity_before_which_no_sound_came_in_time_is_filled_up_too() -> None:
    sound = lane()
    sound.add(sound_unit(0, AAC))
    assert sound.take(begin=0, end=5760) is not None
    assert sound.take(begin=5760, end=5760 + PART) is None, "it may still come"
    sound.conclude()
    run = sound.take(begin=5760 + PART, end=5760 + 2 * PART)
    assert run is not None
    assert run.decode_time == PACKET
    assert run.decode_time + sum(sample.duration for sample in run.samples) >= (5760 + 2 * PART) * 16_000 // 90_000


def test_sound_that_never_came_is_silence_from_the_first_part_on() -> None:
    sound = lane()
    runs = [sound.take(begin=n * PART, end=(n + 1) * PART) for n in range(5)]
    end = 0
    for number, run in enumerate(runs):
        assert run is not None
        assert run.decode_time == end
        end += sum(sample.duration for sample in run.samples)
        assert end >= (number + 1) * 3200


def test_late_sound_is_waited_for_and_sound_that_ends_becomes_silence() -> None:
    sound = lane()
    for number in range(4):
        sound.add(sound_unit(number * PACKET, AAC))
    assert sound.take(begin=0, end=PART) is not None
    taken = [sound.take(begin=n * PART, end=(n + 1) * PART) for n in range(1, 8)]
    # A second of patience, counted from where the sound ended at 0.256 s.
    assert [run is None for run in taken] == [True] * 5 + [False] * 2
    silent = taken[5]
    assert silent is not None
    assert silent.decode_time == 4 * PACKET


def test_sound_that_comes_back_leaves_no_hole() -> None:
    sound = lane()
    for number in range(4):
        sound.add(sound_unit(number * PACKET, AAC))
    assert sound.take(begin=0, end=PART) is not None
    sound.add(sound_unit(10 * PACKET, AAC))
    sound.add(sound_unit(12 * PACKET, AAC))
    run = sound.take(begin=PART, end=5 * PART)
    assert run is not None
    assert run.decode_time == 4 * PACKET
    assert [sample.duration for sample in run.samples] == [PACKET] * 6 + [2 * PACKET, PACKET]


def test_what_comes_for_a_time_already_filled_is_dropped() -> None:
    sound = lane()
    assert sound.take(begin=0, end=PART) is not None
    sound.add(sound_unit(0, AAC))
    sound.add(sound_unit(4 * PACKET, AAC))
    assert (sound.dropped, sound.waiting) == (1, 1)


def test_too_much_sound_loses_the_oldest() -> None:
    sound = lane()
    for number in range(1030):
        sound.add(sound_unit(number * PACKET, AAC))
    assert (sound.waiting, sound.dropped) == (1024, 6)


def test_sound_that_lags_by_more_than_a_part_gets_its_turn() -> None:
    sound = lane()
    assert sound.take(begin=0, end=PART) is not None
    late = 0
    heard = 0
    for number in range(1, 20):
        # Each time a part is made, the sound of the part before the last has come.
        while late * PACKET < (number - 2) * 3200:
            sound.add(sound_unit(late * PACKET, AAC))
            late += 1
        run = sound.take(begin=number * PART, end=(number + 1) * PART)
        heard += sum(sample.size == 40 for sample in run.samples) if run else 0
    assert heard > 30


def test_sound_that_has_leapt_ahead_keeps_no_picture_waiting() -> None:
    sound = lane()
    for number in range(4):
        sound.add(sound_unit(number * PACKET, AAC))
    # Three seconds later than the pictures it comes with.
    sound.add(sound_unit(4 * PACKET + 48_000, AAC))
    reached = 0
    for number in range(20):
        begin = number * PART
        run = sound.take(begin=begin, end=begin + PART)
        if run is not None:
            assert run.decode_time == reached
            reached = run.decode_time + sum(sample.duration for sample in run.samples)
        assert (begin + PART) / 90_000 - reached / 16_000 <= 1.0 + PART / 90_000
    assert sound.waiting == 0
