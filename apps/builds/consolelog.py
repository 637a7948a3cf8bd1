"""Take over the console log of a run, in pieces, with its secrets masked.

    read from `log_offset` -> whole lines are masked and stored -> the unfinished line waits in `log_held`, encrypted
A piece ends wherever Jenkins had written to, which may be in the middle of a secret: neither half of it would be
recognised. So only whole lines are stored while the run goes on; the end of the run flushes the rest.
"""

from __future__ import annotations

from django.db import transaction

from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.redaction import Redactor

from . import masking
from .models import Build, LogChunk

LOG_LIMIT = 8 * 1024 * 1024
HELD_LIMIT = 64 * 1024  # a line without an end (a progress bar) is stored in pieces from here on,
HELD_LEAST = 16 * 1024  # but for this end of it: longer than a line of any secret
READ_ON = 256 * 1024  # a piece of this size is not the last one


def take(client: JenkinsClient, build: Build) -> bool:
    """Store what the log has grown by, and return whether there is more at once.

    Raises:
        Missing: the run was deleted.
    """
    assert build.build_number is not None
    chunk = client.read_log(build.job, build.build_number, build.log_offset)
    if chunk.next_offset <= build.log_offset:
        return False
    redactor = masking.redactor_for(build)
    ready, held = split(_as_bytes(build.log_held) + chunk.content, redactor)
    _store(build, _text(ready, redactor), held=held, next_offset=chunk.next_offset)
    return len(chunk.content) > READ_ON


def flush(build: Build) -> None:
    """Store the line that waits for its rest: the run has ended, nothing will follow."""
    if build.log_held:
        text = _text(_as_bytes(build.log_held), masking.redactor_for(build))
        _store(build, text, held=b"", next_offset=build.log_offset, ended=True)


def split(content: bytes, redactor: Redactor) -> tuple[bytes, bytes]:
    """Return what can be masked and stored now, and the unfinished line that has to wait for its rest."""
    whole = content.rfind(b"\n") + 1
    ready, held = content[:whole], content[whole:]
    if len(held) > HELD_LIMIT:
        line = held.decode(errors="surrogateescape")
        at = redactor.safe_cut(line, len(line) - HELD_LEAST)
        ready += line[:at].encode(errors="surrogateescape")
        held = line[at:].encode(errors="surrogateescape")
    return ready, held


def _store(build: Build, text: str, *, held: bytes, next_offset: int, ended: bool = False) -> None:
    kept = text[: max(LOG_LIMIT - build.log_offset, 0)]
    lines = text.count("\n") + (1 if ended and text else 0)
    with transaction.atomic():
        if kept:
            LogChunk.objects.get_or_create(build=build, offset=build.log_offset, defaults={"text": kept})
        build.record(log_offset=next_offset, log_held=held.decode("latin-1"), log_lines=build.log_lines + lines)


def _text(content: bytes, redactor: Redactor) -> str:
    return redactor(content.decode(errors="replace").replace("\x00", ""))


def _as_bytes(held: str) -> bytes:
    """Return the bytes of a held line, of which the last character may be there in part only."""
    return held.encode("latin-1")
