"""Print BUILD_ARGS, a JSON object, as quoted words for the shell: `--build-arg 'NAME=value' …`."""

import json
import os
import re
import shlex
import sys

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def words(text: str) -> str:
    """Return the shell words for a JSON object of build arguments.

    Raises:
        ValueError: not a JSON object of texts, numbers and booleans, or a name that is no variable name.
    """
    arguments = json.loads(text or "{}")
    if not isinstance(arguments, dict):
        raise ValueError("BUILD_ARGS must be a JSON object")
    quoted = []
    for name, value in arguments.items():
        if not NAME.fullmatch(name) or not isinstance(value, str | int | float):
            raise ValueError(f"BUILD_ARGS: {name!r} is no name with a plain value")
        plain = json.dumps(value) if isinstance(value, bool) else str(value)
        quoted.append(f"--build-arg {shlex.quote(f'{name}={plain}')}")
    return " ".join(quoted)


if __name__ == "__main__":
    try:
        print(words(os.environ.get("BUILD_ARGS", "")))
    except ValueError as exc:
        # The shell evaluates what is printed here: `eval` must fail, not build without the arguments.
        print("; exit 2")
        sys.exit(f"build: {exc}")
