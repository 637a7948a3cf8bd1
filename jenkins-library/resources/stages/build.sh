#!/bin/sh
# Builds the Dockerfile's last stage over the cloned tree.
#
# Reads: DOCKERFILE BUILD_ARGS NO_CACHE IMAGE_REPOSITORY IMAGE_TAG SLIPWAY_BUILDER, and for base images that
#        are not public REGISTRY_USERNAME and REGISTRY_PASSWORD.
set -eu

: "${DOCKERFILE:?the text of the Dockerfile}" "${SLIPWAY_WORK:?}" "${SLIPWAY_LIBRARY:?}"
# shellcheck source=../builder.sh
. "$SLIPWAY_LIBRARY/builder.sh"

printf '%s\n' "$DOCKERFILE" >"$SLIPWAY_WORK/Dockerfile"
rm -f "$SLIPWAY_WORK/image-id"
build_image
echo "Built $image ($(cat "$SLIPWAY_WORK/image-id"))"
