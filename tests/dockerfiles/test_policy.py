"""The rules, above all: nothing comes into an image but from approved bases, however it is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dockerfiles.parse import Unreadable, parse
from apps.dockerfiles.policy import check
from apps.dockerfiles.templates import RECIPES, Bases, compose, for_language
from tests.dockerfiles.world import BASES, GOOD, HOST

IMAGES: Any = [SimpleNamespace(stage=stage, reference=reference) for stage, reference, _, _ in BASES]
EVIL = "docker.io/evil:1"


def codes(content: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.code) for problem in check(content, host=HOST, images=IMAGES)]


def inserted(line: str, at: int = 8) -> str:
    """Return the good text with another instruction as line `at`."""
    lines = GOOD.splitlines()
    return "\n".join([*lines[: at - 1], line, *lines[at - 1 :]]) + "\n"


def test_the_good_one_is_good() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(" AS compile", " AS build"),
        GOOD.replace(" AS clone", ""),
        "\n".join(GOOD.splitlines()[4:]),
        GOOD + f"FROM {HOST}/base/python-run:3.11 AS debug\n",
    ],
)
def test_other_stages_are_refused(text: str) -> None:
    assert "dockerfile.stages" in {code for _line, code in codes(text)}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"COPY --from={EVIL} /x /y", "dockerfile.copy_from_not_allowed"),
        (f"COPY --link --from={EVIL} /x /y", "dockerfile.copy_from_not_allowed"),
        (f"COPY --chown=0:0   --from={EVIL} /x /y", "dockerfile.copy_from_not_allowed"),
        (f"copy --FROM={EVIL} /x /y", "dockerfile.copy_from_not_allowed"),
        ("COPY --from=${BASE} /x /y", "dockerfile.copy_from_not_allowed"),
        (f"RUN --mount=type=bind,from={EVIL},target=/x cp -r /x /y", "dockerfile.copy_from_not_allowed"),
        (f"RUN --mount=type=cache,target=/c --mount=FROM={EVIL},target=/x true", "dockerfile.copy_from_not_allowed"),
        ("ADD https://evil.test/x /x", "dockerfile.remote_add"),
        ("ADD git@evil.test:x /x", "dockerfile.remote_add"),
        ('ADD ["ssh://evil.test/x", "/x"]', "dockerfile.remote_add"),
        ("ADD $WHERE /x", "dockerfile.remote_add"),
        ("ONBUILD ADD x /x", "dockerfile.on_build"),
        ("ENV API_TOKEN=abc", "dockerfile.secret_in_text"),
        ("ENV DB_PASSWORD abc", "dockerfile.secret_in_text"),
        ("ARG A=1 SECRET='s'", "dockerfile.secret_in_text"),
        ('COPY --from="docker.io/evil:1" /x /y', "dockerfile.unreadable"),
        ('RUN --mount="type=bind, from=docker.io/evil:1,target=/x" true', "dockerfile.unreadable"),
        (r"COPY --fr\om=docker.io/evil:1 /x /y", "dockerfile.unreadable"),
        ("COPY <<EOF /x", "dockerfile.unreadable"),
        ("RUN <<-'EOF'", "dockerfile.unreadable"),
        ("INSTALL python", "dockerfile.unreadable"),
    ],
)
def test_what_is_refused_and_where(line: str, code: str) -> None:
    assert (8, code) in codes(inserted(line))


def test_run_takes_from_compile_only() -> None:
    assert codes(GOOD.replace("--from=compile /build", "--from=clone /src")) == [(12, "dockerfile.run_copies_from")]
    assert codes(inserted("COPY --from=1 /x /y", at=13)) == []
    assert codes(inserted("RUN --mount=type=bind,from=clone,target=/x true", at=13)) == [
        (13, "dockerfile.run_copies_from")
    ]


def test_an_image_approved_for_another_stage_is_no_base_here() -> None:
    text = GOOD.replace(f"FROM {HOST}/base/python-run:3.11", f"FROM {HOST}/base/clone:1")
    assert codes(text) == [(10, "dockerfile.base_not_allowed")]


@pytest.mark.parametrize("directive", ["syntax=evil/frontend:1", "escape=`", "check=skip=all"])
def test_directives_change_the_reading_and_are_refused(directive: str) -> None:
    assert codes(f"# {directive}\n{GOOD}") == [(1, "dockerfile.unreadable")]
    assert codes(f"{GOOD}# {directive}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        # A blank line inside a continuation: builders read on, our parser does not. What follows must not slip through.
        inserted(f"COPY \\\n\n--from={EVIL} /x /y"),
        inserted(f"RUN \\\n\n--mount=type=bind,from={EVIL},target=/x true"),
        inserted("ADD \\\n\nhttps://evil.test/x /x"),
        f"FROM \\\n\n{EVIL} AS clone\n" + "\n".join(GOOD.splitlines()[1:]),
        f"# escape=`\nFROM {HOST}/base/clone:1 AS clone\nRUN echo \\\nFROM {EVIL} AS compile\n",
        "",
        "# nothing\n",
        "RUN true\n",
        "\ufeff" + GOOD,
    ],
)
def test_texts_that_are_read_in_two_ways_are_refused(text: str) -> None:
    assert any(code == "dockerfile.unreadable" for _line, code in codes(text))


def test_shifts_and_here_strings_of_the_shell_are_fine() -> None:
    assert codes(inserted("RUN test $((1<<3)) = 8")) == []


@given(st.text(alphabet=st.sampled_from("FROM RUNCOPYAS clone\\\n#=-<\"'$/:.é\x85\u2028\r\t"), max_size=300))
def test_any_text_is_judged_and_never_crashes(text: str) -> None:
    found = check(text, host=HOST, images=IMAGES)
    lines = max(text.count("\n") + 1, 1)
    assert found
    assert all(1 <= problem.line <= lines for problem in found)


@given(
    st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30), min_size=1, max_size=5),
    st.integers(0, 12),
)
def test_an_unapproved_image_never_slips_in(noise: list[str], at: int) -> None:
    lines = GOOD.splitlines()
    hidden = [*noise, f"COPY --from={EVIL} /x /y"]
    text = "\n".join([*lines[:at], *hidden, *lines[at:]])
    assert codes(text)


paths = st.text(st.sampled_from("abcdefgh/._-"), min_size=1, max_size=12).map(lambda path: "/" + path)
words = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20)


@given(
    commands=st.lists(st.text(st.sampled_from("abc /.&|;=-'"), max_size=20), max_size=4),
    copied=st.lists(st.tuples(paths, paths), min_size=1, max_size=3),
    start=st.lists(words, min_size=1, max_size=4),
    port=st.integers(1, 65535),
    environment=st.dictionaries(st.sampled_from(["A", "LANG", "_X1"]), words, max_size=3),
)
def test_what_is_composed_keeps_the_rules(commands: Any, copied: Any, start: Any, port: int, environment: Any) -> None:
    bases = Bases(*(f"{HOST}/{reference}" for _stage, reference, _, _ in BASES[:3]), init_path="/opt/slipway/my_init")
    answers = {"copied": copied, "start": start, "port": port, "environment": environment}
    commands = [command for command in commands if not command.strip().startswith("-")]
    text = compose(bases, compile_commands=commands, **answers)
    assert codes(text) == []
    assert [stage.name for stage in parse(text).stages] == ["clone", "compile", "run"]
    assert compose(bases, compile_commands=commands, **answers) == text


@pytest.mark.parametrize("language", sorted(RECIPES))
def test_every_template_keeps_the_rules(language: str) -> None:
    bases = Bases(*(f"{HOST}/{reference}" for _stage, reference, _, _ in BASES[:3]), init_path="/opt/slipway/my_init")
    text = for_language(language, bases)
    assert codes(text) == []
    assert ('ENTRYPOINT ["/opt/slipway/my_init", "--"]' in text) == bool(RECIPES[language].start)


def test_the_line_of_what_cannot_be_read_is_told() -> None:
    with pytest.raises(Unreadable) as caught:
        parse("FROM a AS clone\nFROM a b c\n")
    assert caught.value.line == 2
