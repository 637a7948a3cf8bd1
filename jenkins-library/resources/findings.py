"""Turn what the scanners printed into one list of findings with one scale of severities.

Reads `$SLIPWAY_WORK/scan/<tool>.{state,version,out,err}` as scan.sh leaves them and writes the record `scan`.
No finding carries a secret's value: the console stores and shows findings.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SEVERITIES = ("high", "medium", "low", "info")
Finding = dict[str, Any]

# Guesses by name or by entropy are often wrong; a known token format or a private key seldom is.
DETECT_SECRETS_GUESSES = {"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String"}
# bandit quotes the password that it found: B105 string, B106 argument, B107 default.
BANDIT_QUOTING = {"B105", "B106", "B107"}


def finding(tool: str, rule: str, severity: str, file: str, line: int | None, message: str) -> Finding:
    """Return one finding; the file is relative to the repository, the message is one line."""
    return {
        "tool": tool,
        "rule": rule,
        "severity": severity,
        "file": file.removeprefix("./"),
        "line": line or None,
        "message": " ".join(message.split()),
    }


def hadolint(output: Any) -> Iterable[Finding]:
    """Yield the findings of `hadolint --format json`: https://github.com/hadolint/hadolint#cli."""
    severities = {"error": "high", "warning": "medium", "info": "low", "style": "info"}
    for entry in output:
        severity = severities.get(entry["level"], "info")
        yield finding("hadolint", entry["code"], severity, "Dockerfile", entry["line"], entry["message"])


def bandit(output: Any) -> Iterable[Finding]:
    """Yield the findings of `bandit --format json`: https://bandit.readthedocs.io/en/latest/formatters/json.html."""
    severities = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
    for entry in output["results"]:
        message = entry["issue_text"]
        if entry["test_id"] in BANDIT_QUOTING:
            message = re.sub(r":.*", "", message, flags=re.DOTALL)
        severity = severities.get(entry["issue_severity"], "info")
        yield finding("bandit", entry["test_id"], severity, entry["filename"], entry["line_number"], message)
    for entry in output["errors"]:
        yield finding("bandit", "not-scanned", "info", entry["filename"], None, entry["reason"])


def detect_secrets(output: Any) -> Iterable[Finding]:
    """Yield the findings of `detect-secrets scan`: https://github.com/Yelp/detect-secrets."""
    for file, entries in sorted(output["results"].items()):
        for entry in entries:
            severity = "medium" if entry["type"] in DETECT_SECRETS_GUESSES else "high"
            message = f"Possible secret in the repository ({entry['type']})"
            yield finding("detect-secrets", entry["type"], severity, file, entry["line_number"], message)


def gitleaks(output: Any) -> Iterable[Finding]:
    """Yield the findings of `gitleaks detect --report-format json`: https://github.com/gitleaks/gitleaks."""
    for entry in output or []:
        rule = entry["RuleID"]
        message = f"Possible secret in the repository ({entry.get('Description') or rule})"
        yield finding("gitleaks", rule, "high", entry["File"], entry.get("StartLine"), message)


PARSERS: dict[str, Callable[[Any], Iterable[Finding]]] = {
    "hadolint": hadolint,
    "bandit": bandit,
    "gitleaks": gitleaks,
    "detect-secrets": detect_secrets,
}


def collect(folder: Path) -> dict[str, Any]:
    """Return the scan's record: scanners with version and status, and all findings, worst first."""
    scanners: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for tool, parse in PARSERS.items():
        state = _text(folder / f"{tool}.state")
        if not state:
            continue
        scanner = {"name": tool, "version": _version(folder, tool), "status": "ran", "findings": 0, "detail": ""}
        scanners.append(scanner)
        if state in ("missing", "nothing"):
            scanner["status"] = state
            continue
        try:
            if state != "0":
                raise ValueError(f"ended with exit code {state}")
            report = folder / f"{tool}.json"
            found = list(parse(json.loads((report if report.exists() else folder / f"{tool}.out").read_text())))
        except (OSError, ValueError, LookupError, TypeError) as exc:
            complaint = _text(folder / f"{tool}.err").splitlines()
            scanner |= {"status": "failed", "detail": "; ".join([str(exc), *complaint[-1:]])}
            continue
        scanner["findings"] = len(found)
        findings += found
    findings.sort(key=lambda f: (SEVERITIES.index(f["severity"]), f["file"], f["line"] or 0, f["rule"]))
    return {"status": "ran", "scanners": scanners, "findings": findings}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _version(folder: Path, tool: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+\S*", _text(folder / f"{tool}.version"))
    return found.group() if found else ""


def _print(scan: dict[str, Any]) -> None:
    for scanner in scan["scanners"]:
        says = f"{scanner['findings']} findings" if scanner["status"] == "ran" else scanner["status"]
        print(" ".join(filter(None, (scanner["name"], scanner["version"]))) + f": {says} {scanner['detail']}".rstrip())
    for entry in scan["findings"]:
        place = f"{entry['file']}:{entry['line']}" if entry["line"] else entry["file"]
        print(f"{entry['severity']:6} {place}: {entry['message']} [{entry['tool']} {entry['rule']}]")


if __name__ == "__main__":
    import record

    result = collect(Path(os.environ["SLIPWAY_WORK"]) / "scan")
    record.write("scan", result)
    _print(result)
