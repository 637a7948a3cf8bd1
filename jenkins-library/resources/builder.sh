# Sourced by build.sh and push.sh: the one place that knows how image builders differ.
#
# SLIPWAY_BUILDER is the builder's path or name (one word; default: buildah, else docker, whichever the agent
# has). One that is not called docker is spoken to as buildah. Gives $image, build_image and push_image.
# Credentials reach every builder by the same file, which lives only while the stage runs:
# https://docs.docker.com/reference/cli/docker/#environment-variables (DOCKER_CONFIG)
# https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md (REGISTRY_AUTH_FILE)

: "${IMAGE_REPOSITORY:?host:port/project/application}" "${IMAGE_TAG:?}"
image=$IMAGE_REPOSITORY:$IMAGE_TAG

builder=${SLIPWAY_BUILDER:-}
if [ -z "$builder" ]; then
    builder=$(command -v buildah || command -v docker) || {
        echo "this agent has neither buildah nor docker; name a builder in SLIPWAY_BUILDER" >&2
        exit 2
    }
fi
command -v "$builder" >/dev/null 2>&1 || {
    echo "SLIPWAY_BUILDER names '$builder', which is not on this agent" >&2
    exit 2
}

private=$(mktemp -d "$SLIPWAY_WORK/private.XXXXXX")
trap 'rm -rf "$private"' EXIT
trap 'exit 143' INT TERM
if [ -n "${REGISTRY_PASSWORD:-}" ]; then
    (umask 077 && python3 "$SLIPWAY_LIBRARY/registry_login.py" >"$private/config.json")
    export DOCKER_CONFIG="$private" REGISTRY_AUTH_FILE="$private/config.json"
fi
mkdir "$private/certificates"
if [ -n "${SLIPWAY_CA_FILE:-}" ]; then
    cp "$SLIPWAY_CA_FILE" "$private/certificates/ca.crt"
fi

# The dialect follows the builder's name. Docker finds a registry's CA in /etc/docker/certs.d, buildah is told.
case ${builder##*/} in
docker*)
    build_image() {
        eval "set -- $(python3 "$SLIPWAY_LIBRARY/build_args.py")"
        if [ "${NO_CACHE:-false}" = true ]; then set -- --no-cache "$@"; fi
        "$builder" build --file "$SLIPWAY_WORK/Dockerfile" --tag "$image" --iidfile "$SLIPWAY_WORK/image-id" \
            "$@" "$SLIPWAY_WORK/context"
    }
    push_image() {
        "$builder" push "$image"
        "$builder" inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" |
            sed -n "s|^$IMAGE_REPOSITORY@||p" | head -n 1 >"$SLIPWAY_WORK/digest"
    }
    ;;
*)
    build_image() {
        eval "set -- $(python3 "$SLIPWAY_LIBRARY/build_args.py")"
        # buildah reuses layers only where it is asked to.
        if [ "${NO_CACHE:-false}" = true ]; then BUILDAH_LAYERS=false; else BUILDAH_LAYERS=true; fi
        export BUILDAH_LAYERS
        "$builder" build --cert-dir "$private/certificates" --file "$SLIPWAY_WORK/Dockerfile" --tag "$image" \
            --iidfile "$SLIPWAY_WORK/image-id" "$@" "$SLIPWAY_WORK/context"
    }
    push_image() {
        "$builder" push --cert-dir "$private/certificates" --digestfile "$SLIPWAY_WORK/digest" \
            "$image" "docker://$image"
    }
    ;;
esac
