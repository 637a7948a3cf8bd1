"""Each recorded rollout, judged after every single row: no row gets a wrong verdict.

One letter a row of the Deployment's watch: `s` the controller has not seen the change yet, `p` progressing, `C`
complete, `F` failed. They were written down by hand from the recordings' tables.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.integrations.kubernetes.causes import Severity
from apps.integrations.kubernetes.rollout import Assessment, State, assess

from .recordings import body, exchanges

SCENARIO = "04-rollout"
VERDICTS = {
    1: "ssppppppC",
    7: "ssppppppppppppppCC",
    14: "ssppppppppppppppCC",
    20: "ssppF",
    27: "sspCC",
    32: "ssppF",
    39: "ssCspsppppssspppppppppppppppCC",
    49: "sspppppppppppppCC",
    56: "spCCCsppppCspCCC",
    68: "sCspppppppppC",
    76: "sspppssppppsspCC",
}


def base() -> datetime:
    """Return when the scenario began: its first object was made 87 ms later."""
    made = body(SCENARIO, 5)["metadata"]["creationTimestamp"]
    return datetime.fromisoformat(made) - timedelta(milliseconds=87)


def as_deployment(row: dict[str, Any]) -> dict[str, Any]:
    """Return a Deployment with the counters and conditions of a row of the recorder's table."""
    counters = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
                "unavailableReplicas", "terminatingReplicas")  # fmt: skip
    conditions = []
    for told in row["conditions"]:
        kind, _, rest = told.partition("=")
        status, _, reason = rest.partition("/")
        conditions.append({"type": kind, "status": status, "reason": reason})
    paused = any(each["reason"] == "DeploymentPaused" for each in conditions)
    return {
        "metadata": {
            "name": "web",
            "uid": "web",
            "generation": row["generation"],
            "creationTimestamp": base().isoformat(),
        },
        "spec": {"replicas": row["spec.replicas"], "paused": paused, "template": {}},
        "status": {name: row[name] for name in counters if row[name] is not None} | {"conditions": conditions},
    }


def letter(verdict: Assessment) -> str:
    if verdict.cause is not None and verdict.cause.code == "rollout.not_seen_yet":
        return "s"
    return {State.COMPLETE: "C", State.FAILED: "F", State.PROGRESSING: "p"}[verdict.state]


@pytest.mark.parametrize("watch", VERDICTS, ids=lambda watch: exchanges(SCENARIO)[watch]["note"].split(":")[0])
def test_no_row_of_a_rollout_gets_a_wrong_verdict(watch: int) -> None:
    rows = exchanges(SCENARIO)[watch]["summary"]["rows"]
    start = base() + timedelta(milliseconds=exchanges(SCENARIO)[watch]["atMs"])
    verdicts = []
    for row in rows:
        now = start + timedelta(milliseconds=row["ms"])
        verdict = assess(as_deployment(row), [], [], [], deadline=now + timedelta(minutes=5), now=now, since=start)
        verdicts.append(letter(verdict))
    assert "".join(verdicts) == VERDICTS[watch]


def test_all_four_watches_together_give_no_wrong_verdict_either() -> None:
    """Pods, ReplicaSets and events arrive in their own order: the sum of what is known is never quite one moment."""
    known: dict[str, dict[str, dict[str, Any]]] = {"Deployment": {}, "ReplicaSet": {}, "Pod": {}, "Event": {}}
    rows = []
    for watch in (7, 8, 9, 10):
        exchange = exchanges(SCENARIO)[watch]
        rows += [(exchange["atMs"] + row["ms"], row["event"]) for row in exchange["response"]["stream"]]
    since = base() + timedelta(milliseconds=exchanges(SCENARIO)[11]["atMs"])
    verdicts = []
    for at, event in sorted(rows, key=lambda row: row[0]):
        found = event["object"]
        if event["type"] == "DELETED":
            known[found["kind"]].pop(found["metadata"]["uid"], None)
        elif found["kind"] in known:
            known[found["kind"]][found["metadata"]["uid"]] = found
        if not known["Deployment"]:
            continue
        [deployment] = known["Deployment"].values()
        now = base() + timedelta(milliseconds=at)
        others = [list(known[kind].values()) for kind in ("ReplicaSet", "Pod", "Event")]
        verdict = assess(deployment, *others, deadline=now + timedelta(minutes=5), now=now, since=since)
        verdicts.append(verdict)
        if verdict.state is State.COMPLETE:
            assert deployment["status"]["updatedReplicas"] == deployment["status"]["availableReplicas"] == 3
        assert verdict.cause is None or verdict.cause.severity == Severity.INFO, "nothing goes wrong in this recording"
    letters = "".join(map(letter, verdicts))
    assert "F" not in letters
    assert letters.rstrip("C") + "C" * letters.count("C") == letters, "complete once, complete for good"
    assert letters.endswith("C")
    assert max(verdict.ready for verdict in verdicts) == 3
