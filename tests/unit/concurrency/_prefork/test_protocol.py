"""Reports survive however their bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from celery.concurrency._prefork.protocol import (
    Report,
    ReportDecoder,
    decode_call,
    decode_generation,
    decode_time,
    encode_call,
    encode_generation,
    encode_report,
    encode_time,
)

reports = st.builds(Report, st.integers(1, 5), st.integers(0, 2**64 - 1), st.binary(max_size=200))


@given(st.lists(reports), st.lists(st.integers(1, 64), min_size=1))
def test_any_cut(sent: list[Report], cuts: list[int]) -> None:
    stream = b"".join(encode_report(*report) for report in sent)
    decoder = ReportDecoder()
    received: list[Report] = []
    start, turn = 0, 0
    while start < len(stream):
        end = start + cuts[turn % len(cuts)]
        received += decoder.feed(stream[start:end])
        start, turn = end, turn + 1
    assert received == sent


def test_incomplete_report_is_kept_back() -> None:
    stream = encode_report(4, 7, b"body")
    decoder = ReportDecoder()
    assert list(decoder.feed(stream[:-1])) == []
    assert list(decoder.feed(stream[-1:])) == [Report(4, 7, b"body")]


def test_bodies() -> None:
    assert decode_call(encode_call(len, ([1],), {})) == (len, ([1],), {})
    assert decode_time(encode_time(1.25)) == 1.25
    assert decode_generation(encode_generation(2**64 - 1)) == 2**64 - 1
