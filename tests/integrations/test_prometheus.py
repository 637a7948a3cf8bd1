"""The Prometheus client, on answers as Prometheus writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from apps.integrations.calls import Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import IntegrationError, Rejected, Unavailable, UnexpectedResponse
from apps.integrations.prometheus.client import Point, PrometheusClient, Series, Target
from tests.integrations.scripted import CUT, Reply, answer, scripted

START = datetime(2026, 1, 1, tzinfo=UTC)


def client_of(url: str, **changes: str) -> PrometheusClient:
    return PrometheusClient(Connection("prometheus", "test", url, **changes), timeout=Timeout(1.0, 0.3))


def result(kind: str, *series: dict[str, object]) -> Reply:
    return answer(200, {"status": "success", "data": {"resultType": kind, "result": list(series)}})


def test_an_instant_query() -> None:
    reply = result("vector", {"metric": {"pod": "a"}, "value": [START.timestamp(), "0.5"]})
    with scripted(reply) as server:
        client = client_of(server.url, secret="a-bearer-token")
        assert client.query('up{job="x"}', at=START) == [Series({"pod": "a"}, (Point(START, 0.5),))]
        client.close()
    assert server.requests == ["GET /api/v1/query?query=up%7Bjob%3D%22x%22%7D&time=1767225600.0"]
    assert "Authorization: Bearer a-bearer-token" in server.headers[0]


def test_a_range_with_gaps_in_it() -> None:
    values = [[START.timestamp(), "1"], [START.timestamp() + 30, "NaN"], [START.timestamp() + 60, "+Inf"]]
    with scripted(result("matrix", {"metric": {}, "values": values})) as server:
        client = client_of(server.url, username="u", secret="password")
        [series] = client.query_range("up", start=START, end=START + timedelta(hours=1), step=timedelta(seconds=30))
        client.close()
    assert series.points[0].value == 1.0
    assert math.isnan(series.points[1].value)
    assert math.isinf(series.points[2].value)
    assert "step=30.000" in server.requests[0]
    assert "Authorization: Basic" in server.headers[0]


def test_the_step_grows_before_prometheus_refuses() -> None:
    with scripted(result("matrix")) as server:
        client = client_of(server.url)
        client.query_range("up", start=START, end=START + timedelta(days=30), step=timedelta(seconds=1))
        client.close()
    step = float(server.requests[0].partition("step=")[2].partition("&")[0])
    assert timedelta(days=30).total_seconds() / step < 11_000


def test_targets() -> None:
    target = {"labels": {"job": "web"}, "scrapeUrl": "http://x/metrics", "health": "down", "lastError": "refused"}
    with scripted(answer(200, {"status": "success", "data": {"activeTargets": [target]}})) as server:
        client = client_of(server.url)
        assert client.list_targets() == [Target("web", "http://x/metrics", "down", "refused")]
        client.close()


def test_a_wrong_expression_says_where() -> None:
    said = {"status": "error", "errorType": "bad_data", "error": "1:4: parse error: unexpected end of input"}
    with scripted(answer(400, said)) as server:
        client = client_of(server.url)
        with pytest.raises(Rejected, match="parse error: unexpected end"):
            client.query("up{")
        client.close()


@pytest.mark.parametrize(
    ("reply", "error", "requests"),
    [
        (answer(503), Unavailable, 3),
        (CUT, Unavailable, 3),
        (answer(200, b"<html>"), UnexpectedResponse, 1),
        (answer(200, {"status": "success"}), UnexpectedResponse, 1),
    ],
    ids=["503", "cut", "html", "empty"],
)
def test_what_goes_wrong_is_told_without_the_sleeps_of_the_library(
    reply: Reply, error: type[IntegrationError], requests: int
) -> None:
    with scripted(reply) as server:
        client = client_of(server.url)
        with pytest.raises(error):
            client.check()
        client.close()
    assert len(server.requests) == requests
