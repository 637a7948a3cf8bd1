"""No piece of a log that is stored holds a secret, wherever Jenkins cut it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.builds import consolelog, selectors
from apps.builds.models import Build, LogChunk
from apps.core.lifecycle import LeaseLost
from apps.integrations.jenkins.entities import LogChunk as Piece
from apps.integrations.redaction import Redactor
from apps.manifests import services as manifests
from tests import factories
from tests.core import rows

SECRET = "glpat-Zx81-ünïcode/secret"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"
ENCODED = SECRET.encode()


@dataclass
class Run:
    """A run in Jenkins whose log has grown to the next of some lengths each time it is read."""

    log: bytes
    lengths: list[int]
    reads: list[int] = field(default_factory=list)

    def read_log(self, _job: str, _number: int, start: int) -> Piece:
        end = self.lengths.pop(0) if self.lengths else len(self.log)
        self.reads.append(start)
        return Piece(self.log[start:end], end, end < len(self.log))


def pieces_of(content: bytes, cuts: list[int]) -> list[bytes]:
    bounds = sorted({cut % (len(content) + 1) for cut in cuts} | {0, len(content)})
    return [content[first:last] for first, last in itertools.pairwise(bounds)]


@given(
    st.lists(st.sampled_from([SECRET, KEY, "+ step", "\n", "完成", " ", "https://bot:word@host/", "\r"]), max_size=30),
    st.lists(st.integers(min_value=0, max_value=1000), max_size=20),
)
def test_pieces_are_masked_as_the_whole_is(words: list[str], cuts: list[int]) -> None:
    redactor, content = Redactor([SECRET, KEY]), "".join(words).encode()
    taken, stored, held = b"", "", b""
    for piece in pieces_of(content, cuts):
        ready, held = consolelog.split(held + piece, redactor)
        taken += ready
        stored += redactor(ready.decode())
    stored += redactor(held.decode())
    assert taken + held == content
    for hidden in (SECRET, "bot:word", *KEY.splitlines()):
        assert hidden not in stored


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_line_without_an_end_is_stored_in_time_and_never_cut_in_a_secret(cut: int) -> None:
    """The place where it would be cut lies inside the secret, at each character once."""
    line = b"x" * 70_000 + ENCODED + b"y" * (consolelog.HELD_LEAST - cut)
    redactor = Redactor([SECRET])
    ready, held = consolelog.split(line, redactor)
    assert ready + held == line
    assert len(held) <= consolelog.HELD_LEAST + len(ENCODED)
    assert ENCODED in held
    assert "glpat" not in redactor(ready.decode()) + redactor(held.decode())


def test_a_secret_cut_by_two_reads_is_masked(db: None) -> None:
    build = rows.build(status="running", build_number=1)
    build.application.gitlab.secret = SECRET
    build.application.gitlab.save()
    manifests.set_secret(
        application=build.application, key="KEY", value=KEY, actor=factories.actor(factories.user(is_superuser=True))
    )
    log = f"one\n+ echo {SECRET} 完成\n{KEY}\nno end {SECRET}".encode()
    run = Run(log, [*range(1, len(log), 3)])
    while run.lengths:
        consolelog.take(run, build)  # type: ignore[arg-type]
        stored = Build.objects.get(pk=build.pk)
        assert log.endswith(stored.log_held.encode("latin-1") + log[stored.log_offset :])
    consolelog.take(run, build)  # type: ignore[arg-type]
    assert "no end" not in selectors.log_text(build)
    consolelog.flush(build)
    consolelog.flush(build)
    assert selectors.log_lines(build) == ["one", "+ echo *** 完成", "***", "***", "***", "***", "no end ***"]
    build.refresh_from_db()
    assert (build.log_held, build.log_lines, build.log_offset) == ("", 7, len(log))
    assert run.reads == sorted(set(run.reads))


def test_a_step_that_lost_its_row_stores_nothing_of_the_log(db: None) -> None:
    build = rows.build(status="running", build_number=1)
    Build.objects.filter(pk=build.pk).update(fence=7)
    with pytest.raises(LeaseLost):
        consolelog.take(Run(b"one\ntw", []), build)  # type: ignore[arg-type]
    assert not LogChunk.objects.exists()
    assert (build.log_held, build.log_offset) == ("", 0)


def test_what_is_held_is_unreadable_in_the_database(db: None) -> None:
    from django.db import connection

    build = rows.build(status="running", build_number=1)
    consolelog.take(Run(b"password=hunter2", []), build)  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute("SELECT log_held FROM builds_build WHERE id = %s", [build.pk])
        stored = cursor.fetchone()[0]
    assert stored
    assert "hunter2" not in stored
