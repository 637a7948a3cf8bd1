#!/bin/sh
# Runs every scanner that the agent has over the Dockerfile and the tree, and normalises what they say.
#
# Reads: DOCKERFILE. Finds on PATH: hadolint, bandit, and gitleaks or detect-secrets.
# Findings never fail this stage: whether they stop a build is the console's policy. A scanner that is
# missing or breaks is named in the log and in the report.
set -eu

: "${DOCKERFILE:?the text of the Dockerfile}" "${SLIPWAY_WORK:?}" "${SLIPWAY_LIBRARY:?}"
raw=$SLIPWAY_WORK/scan
tree=$SLIPWAY_WORK/context
rm -rf "$raw"
mkdir -p "$raw"
printf '%s\n' "$DOCKERFILE" >"$SLIPWAY_WORK/Dockerfile"
cd "$tree"

has() { command -v "$1" >/dev/null 2>&1; }

# scan NAME COMMAND…: keeps the tool's version, output, complaints and exit code under $raw/NAME.*
scan() {
    name=$1
    shift
    if ! has "$name"; then
        echo "$name: not on this agent, so not run"
        echo missing >"$raw/$name.state"
        return 0
    fi
    "$name" --version >"$raw/$name.version" 2>/dev/null || "$name" version >"$raw/$name.version" 2>/dev/null || true
    code=0
    "$@" >"$raw/$name.out" 2>"$raw/$name.err" || code=$?
    echo "$code" >"$raw/$name.state"
}

scan hadolint hadolint --no-fail --format json "$SLIPWAY_WORK/Dockerfile"

if [ -n "$(find . -name '*.py' -type f | head -n 1)" ]; then
    scan bandit bandit --quiet --exit-zero --format json --recursive .
else
    echo "bandit: no Python file, nothing to scan"
    echo nothing >"$raw/bandit.state"
fi

if has gitleaks; then
    scan gitleaks gitleaks detect --no-banner --no-git --redact --exit-code 0 --source . \
        --report-format json --report-path "$raw/gitleaks.json"
else
    scan detect-secrets detect-secrets scan --all-files --force-use-all-plugins
fi

python3 "$SLIPWAY_LIBRARY/findings.py"
