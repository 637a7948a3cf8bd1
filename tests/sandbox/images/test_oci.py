"""Layers: the same content gives the same bytes, and what was packed is what is unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.sandbox.images.oci import EPOCH, Entry, digest_of, layer_bytes
from deploy.sandbox.images.unpack import unpack_layer

NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True)
FILES = st.dictionaries(NAMES, st.tuples(st.binary(max_size=200), st.sampled_from([0o644, 0o755, 0o600])), max_size=6)


@given(FILES, st.randoms())
def test_order_and_time_do_not_count(files: dict[str, tuple[bytes, int]], random: object) -> None:
    entries = [Entry.file(name, content, mode) for name, (content, mode) in files.items()]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, first_bytes = layer_bytes(entries)
    second, second_bytes = layer_bytes(shuffled)
    assert (first, first_bytes) == (second, second_bytes)
    assert first.digest == digest_of(first_bytes)
    assert first.diff_id == digest_of(gzip.decompress(first_bytes))
    assert first.size == len(first_bytes)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FILES)
def test_what_is_packed_is_unpacked(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, int]]
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    entries = [
        Entry.folder("sub"),
        *(Entry.file(f"sub/{name}", content, mode) for name, (content, mode) in files.items()),
    ]
    descriptor, content = layer_bytes([*entries, Entry.symlink("link", "sub")])
    (folder / "layer").write_bytes(content)
    root = folder / "root"
    root.mkdir()
    unpack_layer(folder / "layer", root, descriptor.diff_id)
    found = {path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in (root / "sub").iterdir()}
    assert found == files
    assert str((root / "link").readlink()) == "sub"


def test_entries_hold_no_owner_and_no_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    entry = Entry.of("file", tmp_path / "file")
    assert entry is not None
    _, content = layer_bytes([entry, Entry.whiteout("folder/old")])
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == ["file", "folder/.wh.old"]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", EPOCH)}
