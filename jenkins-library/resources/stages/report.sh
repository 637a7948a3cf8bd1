#!/bin/sh
# Puts together what the stages recorded: $SLIPWAY_WORK/slipway-report.json, as report.schema.json says.
#
# Runs after every build, failed ones too. Reads: SLIPWAY_BUILD_ID JOB_NAME BUILD_NUMBER BUILD_URL.
set -eu

: "${SLIPWAY_WORK:?}" "${SLIPWAY_LIBRARY:?}"
python3 "$SLIPWAY_LIBRARY/report.py"
