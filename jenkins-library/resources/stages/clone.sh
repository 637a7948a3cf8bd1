#!/bin/sh
# Puts the tree of exactly one commit, without .git, into $SLIPWAY_WORK/context.
#
# Reads: GIT_URL GIT_COMMIT, optionally GIT_BRANCH, GIT_USERNAME and GIT_PASSWORD (Jenkins's own credential),
#        SLIPWAY_CA_FILE. Needs git 2.31 or newer.
# The password travels from the environment to git through a credential helper that answers for this
# server only: it is in no URL, no argument, no file, and no submodule's other server gets to see it.
set -eu

: "${GIT_URL:?the address of the repository}" "${SLIPWAY_WORK:?}" "${SLIPWAY_LIBRARY:?}"
GIT_COMMIT=${GIT_COMMIT:-}

refuse() {
    echo "clone: $1" >&2
    exit 2
}

case $GIT_COMMIT in
*[!0-9a-f]* | "") refuse "GIT_COMMIT must be a full commit id, not '$GIT_COMMIT'" ;;
esac
case ${#GIT_COMMIT} in
40 | 64) ;;
*) refuse "GIT_COMMIT must be a full commit id, not '$GIT_COMMIT'" ;;
esac

case $GIT_URL in
-*) refuse "GIT_URL must not begin with a dash" ;;
http://* | https://*)
    scheme=${GIT_URL%%://*}
    server=${GIT_URL#*://}
    server=${server%%/*}
    case $server in *@*) refuse "GIT_URL must not carry credentials" ;; esac
    if [ -n "${GIT_PASSWORD:-}" ]; then
        # https://git-scm.com/docs/gitcredentials#_custom_helpers; the first, empty entry drops the agent's own helpers.
        # shellcheck disable=SC2016 # git's shell expands it, from the environment
        answer='!f() { test "$1" = get && printf "username=%s\npassword=%s\n" "$GIT_USERNAME" "$GIT_PASSWORD"; }; f'
        key="credential.$scheme://$server.helper"
        export GIT_CONFIG_COUNT=2 \
            GIT_CONFIG_KEY_0="$key" GIT_CONFIG_VALUE_0='' \
            GIT_CONFIG_KEY_1="$key" GIT_CONFIG_VALUE_1="$answer"
    fi
    ;;
esac

GIT_TERMINAL_PROMPT=0
export GIT_TERMINAL_PROMPT
if [ -n "${SLIPWAY_CA_FILE:-}" ]; then
    GIT_SSL_CAINFO=$SLIPWAY_CA_FILE
    export GIT_SSL_CAINFO
fi

tree=$SLIPWAY_WORK/context
rm -rf "$tree"
mkdir -p "$tree"
cd "$tree"
git init --quiet
git remote add origin "$GIT_URL"

# Servers need not hand out a commit by its id (GitLab does), so the branch and then everything are tried too.
echo "Fetching $GIT_COMMIT from $GIT_URL"
have_commit() { git cat-file -e "$GIT_COMMIT^{commit}" 2>/dev/null; }
git fetch --quiet --no-tags --depth 1 origin "$GIT_COMMIT" || true
if ! have_commit && [ -n "${GIT_BRANCH:-}" ]; then
    echo "The server does not give the commit by its id; fetching branch $GIT_BRANCH"
    git fetch --quiet --no-tags origin "refs/heads/$GIT_BRANCH" || true
fi
if ! have_commit; then
    echo "Fetching all branches and tags"
    git fetch --quiet --tags origin '+refs/heads/*:refs/remotes/origin/*'
fi
have_commit || refuse "commit $GIT_COMMIT is not in $GIT_URL"

git -c advice.detachedHead=false checkout --quiet --force --detach "$GIT_COMMIT"
[ "$(git rev-parse HEAD)" = "$GIT_COMMIT" ] || refuse "checked out $(git rev-parse HEAD) instead of $GIT_COMMIT"
if [ -f .gitmodules ]; then
    git submodule --quiet update --init --recursive --depth 1
fi

git log -1 --encoding=UTF-8 --format='%H%x00%an%x00%ae%x00%cI%x00%s' | python3 "$SLIPWAY_LIBRARY/record.py" commit
find . -name .git -prune -exec rm -rf {} +
echo "Checked out $GIT_COMMIT ($(find . -type f | wc -l | tr -d ' ') files)"
