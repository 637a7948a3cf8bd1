"""A Dockerfile in three stages for each language, from approved base images and a few answers. Pure.

clone: the tree Jenkins checked out. compile: dependencies and the build, with every tool. run: only what compile made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Recipe:
    """What a language's template starts with; each answer can be changed in the composer."""

    compile_commands: tuple[str, ...]
    copied: tuple[tuple[str, str], ...]  # (path in compile, path in run)
    start: tuple[str, ...]  # empty: what the base image starts
    port: int = 8080
    environment: Mapping[str, str] = field(default_factory=dict)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "python": Recipe(
            compile_commands=(
                "if [ -s requirements.txt ]; then python3 -m pip install --target=/build/site -r requirements.txt; fi",
                "if [ -x ./build.sh ]; then ./build.sh; fi",
                "python3 -m compileall -q .",
            ),
            copied=(("/build", "/app"),),
            start=("python3", "main.py"),
            environment={"PYTHONUNBUFFERED": "1", "PYTHONPATH": "/app/site"},
        ),
        "node": Recipe(
            compile_commands=("npm ci", "npm run build --if-present", "npm prune --omit=dev"),
            copied=(("/build", "/app"),),
            start=("node", "server.js"),
            environment={"NODE_ENV": "production"},
        ),
        "go": Recipe(
            compile_commands=("CGO_ENABLED=0 go build -trimpath -o /build/bin/app .",),
            copied=(("/build/bin/app", "/app/app"),),
            start=("/app/app",),
        ),
        "java": Recipe(
            compile_commands=("mvn -q -B package -DskipTests", "cp target/*.jar /build/app.jar"),
            copied=(("/build/app.jar", "/app/app.jar"),),
            start=("java", "-jar", "/app/app.jar"),
        ),
        "static": Recipe(
            compile_commands=("if [ -x ./build.sh ]; then ./build.sh; fi",),
            copied=(("/build", "/srv"),),
            start=(),
        ),
    }
)


@dataclass(frozen=True)
class Bases:
    """The full references of the base images chosen for the stages, and the init process of the run image."""

    clone: str
    compile: str
    run: str
    init_path: str = ""


def compose(
    bases: Bases,
    *,
    compile_commands: Sequence[str],
    copied: Sequence[tuple[str, str]],
    start: Sequence[str],
    port: int,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a Dockerfile for these answers; the same answers give the same text."""
    commands = [command.strip() for command in compile_commands if command.strip()]
    lines = [
        f"FROM {bases.clone} AS clone",
        "WORKDIR /src",
        "COPY . /src",
        "",
        f"FROM {bases.compile} AS compile",
        "WORKDIR /build",
        "COPY --from=clone /src /build",
        *(f"RUN {command}" for command in commands),
        "",
        f"FROM {bases.run} AS run",
        "WORKDIR /app",
        *(f"COPY --from=compile {source} {place}" for source, place in copied),
        *(f"ENV {name}={_word(value)}" for name, value in sorted((environment or {}).items())),
        f"EXPOSE {port}",
    ]
    if start:  # else the base image's own: an ENTRYPOINT here would take its CMD away
        if bases.init_path:
            lines.append(f"ENTRYPOINT {_exec_form([bases.init_path, '--'])}")
        lines.append(f"CMD {_exec_form(start)}")
    return "\n".join(lines) + "\n"


def for_language(language: str, bases: Bases) -> str:
    """Return the template of a language (a key of RECIPES)."""
    recipe = RECIPES[language]
    return compose(
        bases,
        compile_commands=recipe.compile_commands,
        copied=recipe.copied,
        start=recipe.start,
        port=recipe.port,
        environment=recipe.environment,
    )


def _exec_form(words: Sequence[str]) -> str:
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "[" + ", ".join(f'"{word}"' for word in escaped) + "]"


def _word(value: str) -> str:
    safe = value and all(character.isalnum() or character in "._-/:=@" for character in value)
    return value if safe else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
