"""What of an answer must be as the real server's: its status, warnings and shape, and every word that programs decide by.

The shape of an object is its keys and the types of their values; of a list, the shapes that occur in it. Values are kept where
they come from a closed vocabulary (kinds, reasons, phases, conditions), and whole messages where the server words a refusal.
"""

from __future__ import annotations

import json
import re
from typing import Any

_WORDS = {"kind", "apiVersion", "reason", "type", "status", "phase", "code", "ready", "started", "exitCode", "operation",
          "controller", "blockOwnerDeletion", "unschedulable", "effect", "scope", "verb"}  # fmt: skip
_LEFT_OUT = {"managedFields", "trimmedByRecorder"}
# What the recorder's own machine showed as a limit of pods without limits.
_NO_LIMIT = {"limits": {"memory": "9007199254740988Ki"}}
_SMALLER = (
    (re.compile(r"\n(@@.*)?$|\\\\n(@@[^\"]*)?(?=\")", re.DOTALL), ""),  # a diff of Go's structs
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\{.*\}", re.DOTALL), "<object>"),
    (re.compile(r"(?<=-)[a-z0-9]{5,10}-[a-z0-9]{5}\b"), "<pod>"),
    (re.compile(r"\(?\d{4,}\)?"), "<number>"),
    (re.compile(r"\d+m?s\b|\b\d+\.\d+s"), "<time>"),
)


def shape(value: Any, key: str = "") -> Any:
    """Return what is compared of a value."""
    if value == _NO_LIMIT:
        return {}
    if isinstance(value, dict):
        refusal = value.get("kind") == "Status"
        return {
            name: _words(str(inner)) if refusal and name == "message" else shape(inner, name)
            for name, inner in value.items()
            if name not in _LEFT_OUT
        }
    if isinstance(value, list):
        if key == "causes":
            return sorted(_words(json.dumps(each, sort_keys=True)) for each in value)
        return [json.loads(text) for text in sorted({json.dumps(shape(each, key), sort_keys=True) for each in value})]
    if key in _WORDS and not isinstance(value, float):
        return value
    return type(value).__name__


def is_cut(body: Any, note: str) -> bool:
    """Return whether the recorder kept only a part of an object: a server leaves no uid out."""
    if not isinstance(body, dict):
        return False
    listed = [body, *(body.get("items") or ()), *(row.get("object") or {} for row in body.get("rows") or ())]
    return "(cut" in note or any(
        isinstance(each, str) or ("name" in each.get("metadata", {}) and "uid" not in each["metadata"])
        for each in listed
    )


def without_marks(real: Any) -> Any:
    """Return what the recorder kept, without its own marks and nulls."""
    if isinstance(real, dict):
        kept = {name: inner for name, inner in real.items() if inner is not None and name != "note"}
        if kept.get("items") and isinstance(kept["items"][0], str):  # only names are left
            del kept["items"]
        return {name: without_marks(inner) for name, inner in kept.items()}
    return [without_marks(each) for each in real] if isinstance(real, list) else real


def without_status(body: Any) -> Any:
    """Return an object without its status; a Status is all of itself."""
    if not isinstance(body, dict) or not isinstance(body.get("status"), dict) or "spec" not in body:
        return body
    return {name: inner for name, inner in body.items() if name != "status"}


def without_chance(real: Any, ours: Any) -> Any:
    """Return our list of events without those that the recorder's quick node gave no reason for."""
    told = {each.get("reason") for each in real.get("items") or () if isinstance(each, dict)}
    kept = [each for each in ours["items"] if each["reason"] in told or each["reason"] not in ("Pulling", "Unhealthy")]
    return {**ours, "items": kept}


def cut_to(real: Any, ours: Any) -> Any:
    """Return our answer with no more than what the recorder kept of the real one."""
    if isinstance(real, dict) and isinstance(ours, dict):
        return {name: cut_to(real[name], inner) for name, inner in ours.items() if name in real}
    if isinstance(real, list) and isinstance(ours, list) and real and isinstance(real[0], dict):
        union = real[0]
        for each in real[1:]:
            union = _both(union, each)
        return [cut_to(union, each) for each in ours]
    return ours


def _both(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _both(one[name], other[name]) if name in one and name in other else {**one, **other}[name]
                for name in {**one, **other}}  # fmt: skip
    return one + other if isinstance(one, list) and isinstance(other, list) else one


def _words(text: str) -> str:
    for pattern, placeholder in _SMALLER:
        text = pattern.sub(placeholder, text)
    return text


def differences(real: Any, ours: Any, path: str = "") -> list[str]:
    """Return where two shapes differ, one line each."""
    if isinstance(real, dict) and isinstance(ours, dict):
        found = [f"{path}.{name}: missing" for name in real if name not in ours]
        found += [f"{path}.{name}: not in the real answer" for name in ours if name not in real]
        for name in real.keys() & ours.keys():
            found += differences(real[name], ours[name], f"{path}.{name}")
        return found
    if isinstance(real, list) and isinstance(ours, list):
        missing = [each for each in real if each not in ours]
        more = [each for each in ours if each not in real]
        if len(missing) == len(more) == 1:
            return differences(missing[0], more[0], f"{path}[]")
        return [f"{path}[]: missing {each}" for each in missing] + [f"{path}[]: not real {each}" for each in more]
    return [] if real == ours else [f"{path}: {real!r}, ours {ours!r}"]
