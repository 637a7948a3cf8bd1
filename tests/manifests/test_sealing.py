from __future__ import annotations

import base64
import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.manifests import canonical, sealing
from tests.manifests.documents import FULL
from tests.manifests.test_render import rendered

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.dictionaries(texts, texts, min_size=1, max_size=4)


@given(values)
def test_the_fingerprint_depends_on_values_and_key_only(secrets: dict[str, str]) -> None:
    first = sealing.fingerprint(b"k", secrets)
    assert first == sealing.fingerprint(b"k", dict(reversed(secrets.items())))
    assert first != sealing.fingerprint(b"other", secrets)
    key = next(iter(secrets))
    assert first != sealing.fingerprint(b"k", {**secrets, key: secrets[key] + "!"})


def test_no_values_no_fingerprint() -> None:
    assert sealing.fingerprint(b"k", {}) == ""


def test_binding_puts_values_in_and_leaves_the_stored_objects_alone() -> None:
    objects = rendered(FULL)
    before = copy.deepcopy(objects)
    references = sealing.list_references(objects)
    assert references == ["base/tls.key@1", "environment:production/DB_PASSWORD@3"]
    bound = sealing.bind_secrets(objects, {references[0]: "pem", references[1]: "pässwort"})
    secret = next(one for one in bound if one["kind"] == "Secret")
    assert base64.b64decode(secret["data"]["DB_PASSWORD"]).decode() == "pässwort"
    assert objects == before
    assert sealing.list_references(bound) == []


def test_binding_refuses_a_missing_value() -> None:
    with pytest.raises(sealing.UnboundSecret) as caught:
        sealing.bind_secrets(rendered(FULL), {})
    assert caught.value.reference in {"base/tls.key@1", "environment:production/DB_PASSWORD@3"}


def test_stored_bytes_hold_no_value() -> None:
    content = canonical.encode(rendered(FULL))
    assert b"hunter2" not in content
    assert base64.b64encode(b"hunter2") not in content


@given(st.binary(max_size=20), st.text(max_size=8), st.text(max_size=8))
def test_the_plan_hash_covers_bytes_and_fingerprint(content: bytes, first: str, second: str) -> None:
    try:
        same = sealing.plan_hash(content, first) == sealing.plan_hash(content, second)
    except UnicodeEncodeError:
        return
    assert same == (first == second)
    assert sealing.plan_hash(content, first) != sealing.plan_hash(content + b"x", first)


def test_yaml_for_people_is_the_same_data() -> None:
    yaml = pytest.importorskip("yaml")
    objects = rendered(FULL)
    documents = list(yaml.safe_load_all(canonical.to_yaml_documents(objects)))
    assert json.dumps(documents, sort_keys=True) == json.dumps(canonical.sort_objects(objects), sort_keys=True)


@given(texts)
def test_yaml_keeps_any_text(text: str) -> None:
    import yaml

    # YAML cannot hold these at all, escaped or not, without a tag of its own.
    assert yaml.safe_load(canonical.to_yaml({"value": text})) == {"value": text}
