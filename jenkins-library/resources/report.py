"""Assemble the report of a build from what its stages recorded, check it, and write it as slipway-report.json."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import record
import schema

HERE = Path(__file__).parent


def result(stages: list[dict[str, Any]]) -> str:
    """Return how the build ended: the worst that a stage says, "incomplete" where one never said its end."""
    statuses = [stage["status"] for stage in stages]
    for status in ("canceled", "failed"):
        if status in statuses:
            return status
    return "incomplete" if "running" in statuses or "not_reached" in statuses else "succeeded"


def assemble(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the report of the build whose records lie in `$SLIPWAY_WORK`."""
    stages = []
    for planned in plan["stages"]:
        if planned["always"]:  # this very stage: it has no end yet
            continue
        known = record.read(f"stage-{planned['name']}") or {"status": "not_reached", "seconds": 0, "started_at": None}
        stages.append(
            {
                "name": planned["name"],
                "title": planned["title"],
                "status": known["status"],
                "started_at": known["started_at"],
                "seconds": known["seconds"],
                "detail": known.get("detail", ""),
            }
        )
    statuses = {stage["name"]: stage["status"] for stage in stages}
    commit = record.read("commit")
    if commit:
        commit |= {"branch": os.environ.get("GIT_BRANCH", ""), "url": os.environ.get("GIT_URL", "")}
    number = os.environ.get("BUILD_NUMBER", "")
    return {
        "schema_version": plan["schema_version"],
        "build_id": os.environ.get("SLIPWAY_BUILD_ID", ""),
        "result": result(stages),
        "job": {
            "name": os.environ.get("JOB_NAME", ""),
            "number": int(number) if number.isdigit() else None,
            "url": os.environ.get("BUILD_URL", ""),
        },
        "commit": commit,
        "stages": stages,
        "scan": record.read("scan") or {"status": _without_scan(statuses["scan"]), "scanners": [], "findings": []},
        "image": record.read("image") if statuses["push"] == "succeeded" else None,
    }


def _without_scan(status: str) -> str:
    return status if status in ("skipped", "not_reached") else "failed"


def main() -> None:
    """Write the report.

    Raises:
        SystemExit: the report does not fit its own schema, which is a defect of this library.
    """
    plan = json.loads((HERE / "stages.json").read_text(encoding="utf-8"))
    report = assemble(plan)
    wrong = schema.problems(report, json.loads((HERE / "report.schema.json").read_text(encoding="utf-8")))
    path = Path(os.environ["SLIPWAY_WORK"]) / plan["report"]
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if wrong:
        sys.exit("report: " + "; ".join(wrong))
    seconds = sum(stage["seconds"] for stage in report["stages"])
    print(f"{plan['report']}: {report['result']}, {len(report['scan']['findings'])} findings, {seconds:.1f} s")


if __name__ == "__main__":
    main()
