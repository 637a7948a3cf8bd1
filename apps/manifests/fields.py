"""Paths into a DeployYml document and errors that stand at them.

A path is what the form, the API and the tests all use to name a field: ``resources.limits.memory``,
``env[2].value``, ``annotations["example.com/owner"]``. Errors are a code with parameters (decision 11); `messages.py`
has the sentences.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TYPE_NAMES: dict[type, str] = {
    dict: "object",
    list: "list",
    str: "text",
    bool: "yes/no",
    int: "number",
    float: "number",
    type(None): "nothing",
}

Step = str | int
Path = tuple[Step, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_STEP = re.compile(r"""\.?(?:(?P<key>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\])""")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: where, what (a code) and the numbers or names the sentence needs."""

    path: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def join(path: str, step: Step) -> str:
    """Return `path` extended by a key or an index."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not _PLAIN_KEY.match(step):
        return f"{path}[{json.dumps(step)}]"
    return f"{path}.{step}" if path else step


def format_path(steps: Path) -> str:
    """Return the text form of `steps`."""
    text = ""
    for step in steps:
        text = join(text, step)
    return text


def parse_path(text: str) -> Path:
    """Return the steps of a path in text form.

    Raises:
        ValueError: `text` is not a path.
    """
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"not a field path: {text!r}")
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["quoted"] is not None:
            steps.append(json.loads(match["quoted"]))
        else:
            steps.append(match["key"])
        position = match.end()
    return tuple(steps)


def type_name(value: object) -> str:
    """Return the word a person knows for the JSON type of `value`."""
    return _TYPE_NAMES.get(type(value), "something else")
