"""The XML of a job: what is rendered is read back, and what Jenkins makes of it counts as the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.jenkins.job_xml import (
    JobDefinition,
    Parameter,
    ParameterKind,
    is_same,
    library_call,
    parse,
    render,
)
from deploy.sandbox.jenkins import definitions

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
texts = st.text(max_size=30).filter(lambda text: not FORBIDDEN.search(text))
names = st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,8}\Z")
parameters = st.one_of(
    st.builds(Parameter, names, st.sampled_from([ParameterKind.STRING, ParameterKind.TEXT]), texts, texts),
    st.builds(Parameter, names, st.just(ParameterKind.BOOLEAN), texts, st.sampled_from(["true", "false"])),
    st.builds(
        lambda name, text, choices: Parameter(name, ParameterKind.CHOICE, text, choices=tuple(choices)),
        names,
        texts,
        st.lists(texts, min_size=1, max_size=3),
    ),
)
jobs = st.builds(
    JobDefinition,
    texts,
    st.lists(parameters, max_size=4, unique_by=lambda parameter: parameter.name).map(tuple),
    texts,
    st.integers(0, 500),
)
JOB = JobDefinition(
    library_call("slipway", "slipwayBuild"),
    (
        Parameter("SLIPWAY_BUILD_ID", description="Slipway's id of the build"),
        Parameter("DOCKERFILE", ParameterKind.TEXT),
        Parameter("SCAN", ParameterKind.BOOLEAN, default="true"),
        Parameter("SPEED", ParameterKind.CHOICE, choices=("fast", "slow & <sure>")),
    ),
    "Made by Slipway",
    keep_builds=50,
)


@given(jobs)
def test_what_is_rendered_is_read_back(job: JobDefinition) -> None:
    assert parse(render(job)) == job
    assert is_same(render(job), render(job))


@given(jobs, jobs)
def test_two_documents_are_the_same_when_they_define_the_same(one: JobDefinition, other: JobDefinition) -> None:
    assert is_same(render(one), render(other)) is (one == other)


def test_what_jenkins_adds_does_not_make_another_job() -> None:
    stored = (
        render(JOB)
        .replace("<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.1' encoding='UTF-8'?>")
        .replace("<flow-definition>", '<flow-definition plugin="workflow-job@1400.v7fd111b_ec82f">\n  <actions/>')
        .replace('CpsFlowDefinition">', 'CpsFlowDefinition" plugin="workflow-cps@3894">')
    )
    assert is_same(stored, render(JOB))


def test_the_job_holds_parameters_and_one_call_only() -> None:
    assert JOB.script == "@Library('slipway') _\nslipwayBuild()\n"
    definition = definitions.parse(render(JOB))
    assert definition.script == JOB.script
    assert [(p.name, p.default) for p in definition.parameters] == [
        ("SLIPWAY_BUILD_ID", ""),
        ("DOCKERFILE", ""),
        ("SCAN", True),
        ("SPEED", "fast"),
    ]


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<a",
        "<project/>",
        "<flow-definition/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><flow-definition>&b;</flow-definition>",
        render(JOB).replace("StringParameterDefinition", "RunParameterDefinition"),
    ],
)
def test_another_kind_of_job_is_never_the_same(xml: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(xml)
    assert not is_same(xml, xml)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Parameter("NO SPACES"),
        lambda: Parameter("A", ParameterKind.BOOLEAN, default="yes"),
        lambda: Parameter("A", ParameterKind.CHOICE),
        lambda: Parameter("A", choices=("x",)),
        lambda: JobDefinition("s", (Parameter("A"), Parameter("A"))),
        lambda: JobDefinition("\x00"),
    ],
)
def test_what_jenkins_would_not_take_is_not_made(make: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()  # type: ignore[operator]
