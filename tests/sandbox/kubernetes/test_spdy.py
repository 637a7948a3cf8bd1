"""SPDY frames survive the wire, however it cuts them; the tunnel itself is tested with kubectl."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.kubernetes.streams import spdy

STREAMS = st.integers(1, 2**31 - 1)
HEADERS = st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1), st.text(max_size=40))
FRAMES = st.lists(
    st.one_of(
        st.builds(spdy.Opened, STREAMS, HEADERS, st.booleans()),
        st.builds(spdy.Replied, STREAMS),
        st.builds(spdy.Data, STREAMS, st.binary(max_size=300), st.booleans()),
        st.builds(spdy.Reset, STREAMS, st.integers(1, 11)),
        st.builds(spdy.Ping, STREAMS),
        st.builds(spdy.GoAway, STREAMS),
    ),
    max_size=8,
)


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_frames_come_out_as_they_went_in(frames: list[spdy.Frame], cuts: list[int]) -> None:
    encoder, decoder = spdy.Encoder(), spdy.Decoder()
    wire = b"".join(encoder.encode(frame) for frame in frames)
    found, place, number = [], 0, 0
    while place < len(wire):
        size = cuts[number % len(cuts)]
        found += decoder.feed(wire[place : place + size])
        place, number = place + size, number + 1
    assert found == frames


def test_dictionary_is_the_protocols() -> None:
    assert len(spdy.DICTIONARY) == 1423
    assert spdy.DICTIONARY.startswith(b"\0\0\0\7options")
    assert spdy.DICTIONARY.endswith(b",enq=0.")


@pytest.mark.parametrize(
    "wire",
    [
        b"\x80\x02\x00\x01" + b"\0\0\0\x04" + b"\0\0\0\1",  # another version
        b"\x80\x03\x00\x01" + b"\0\0\0\x0e" + b"\0\0\0\1" + bytes(6) + b"junk",  # headers that zlib cannot read
        b"\0\0\0\1" + b"\0\xff\xff\xff",  # too long
        b"\x80\x03\x00\x03" + b"\0\0\0\2" + b"\0\0",  # a reset without its status
    ],
)
def test_what_is_no_frame_is_refused(wire: bytes) -> None:
    with pytest.raises(spdy.FrameError):
        list(spdy.Decoder().feed(wire))


def test_unused_control_frames_are_passed_over() -> None:
    settings = b"\x80\x03\x00\x04" + b"\0\0\0\4" + b"\0\0\0\0"
    assert list(spdy.Decoder().feed(settings + spdy.Encoder().encode(spdy.Ping(1)))) == [spdy.Ping(1)]
