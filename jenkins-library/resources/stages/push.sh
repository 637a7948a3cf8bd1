#!/bin/sh
# Pushes the image and records the digest that the registry gave it, with the layers read back from there.
#
# Reads: IMAGE_REPOSITORY IMAGE_TAG SLIPWAY_BUILDER REGISTRY_USERNAME REGISTRY_PASSWORD, optionally SLIPWAY_CA_FILE.
set -eu

: "${SLIPWAY_WORK:?}" "${SLIPWAY_LIBRARY:?}"
# shellcheck source=../builder.sh
. "$SLIPWAY_LIBRARY/builder.sh"

rm -f "$SLIPWAY_WORK/digest"
push_image
digest=$(cat "$SLIPWAY_WORK/digest")
case $digest in
sha256:*) ;;
*)
    echo "push: the builder named no digest for $image" >&2
    exit 1
    ;;
esac
python3 "$SLIPWAY_LIBRARY/image.py" "$digest"
echo "Pushed $image@$digest"
