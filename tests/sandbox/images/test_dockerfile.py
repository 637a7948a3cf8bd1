"""From the text of a Dockerfile to stages, with errors that name the line."""

from __future__ import annotations

import pytest

from deploy.sandbox.images.builder.dockerfile import parse
from deploy.sandbox.images.builder.errors import BuildError
from deploy.sandbox.images.builder.ignore import Ignore


def test_stages_with_names_lines_and_arguments() -> None:
    file = parse(
        "# syntax=docker/dockerfile:1\nARG REGISTRY=localhost\nARG TAG=1\nFROM $REGISTRY/a:${TAG} AS Compile\n"
        "RUN one \\\n    # why\n    && two\n\nFROM scratch\nCOPY --from=compile /a /b\n",
        {"TAG": "2"},
    )
    assert [(stage.name, stage.image, stage.line) for stage in file.stages] == [
        ("compile", "localhost/a:2", 4),
        ("", "scratch", 9),
    ]
    (run,) = file.stages[0].instructions
    assert (run.line, run.name) == (5, "RUN")
    assert run.value.split() == ["one", "&&", "two"]
    (copy,) = file.stages[1].instructions
    assert (copy.line, copy.options, copy.value) == (10, {"from": ["compile"]}, "/a /b")
    assert file.stage("COMPILE") is file.stages[0]
    assert file.stage("1") is file.stages[1]
    assert file.stage("nothing") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no FROM"),
        ("RUN x\n", "Dockerfile:1: no build stage"),
        ("FROM a\nRNU x\n", "Dockerfile:2: unknown instruction: RNU"),
        ("FROM a\n\nRUN\n", "Dockerfile:3: RUN requires"),
        ("FROM a AS\n", "Dockerfile:1: FROM requires"),
        ("FROM a AS 9x\n", "Dockerfile:1: invalid name for build stage"),
        ("ARG R\nFROM $R\n", "Dockerfile:2: FROM requires"),
        ("FROM a\nRUN <<EOF\nx\nEOF\n", "Dockerfile:2: RUN: here-documents"),
        ("FROM 'a\n", "Dockerfile:1: a ' quote"),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        parse(text, {})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("patterns", "hidden", "kept"),
    [
        ("*.log", ["a.log"], ["sub/a.log", "a.txt"]),
        ("**/*.log", ["a.log", "sub/deep/a.log"], ["a.txt"]),
        ("/node_modules\n.git", ["node_modules/x/y", ".git"], ["sub/node_modules/x"]),
        ("docs\n!docs/README.md", ["docs/a.md", "docs"], ["docs/README.md"]),
        ("# comment\n\na?c\n[xy]z", ["abc", "xz", "yz"], ["ac", "a/c", "zz"]),
        ("*", ["a", "a/b"], []),
    ],
)
def test_dockerignore(patterns: str, hidden: list[str], kept: list[str]) -> None:
    ignore = Ignore(patterns)
    assert [path for path in hidden if not ignore.hides(path)] == []
    assert [path for path in kept if ignore.hides(path)] == []
