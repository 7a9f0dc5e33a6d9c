#!/bin/sh
# What the containers `admin` and `provision` of compose begin with. They share the processes of NATS, which is the first
# among them, and so can have it read its users anew: that ends no connection but those whose login no longer holds.
#
# - `admin` runs a command of Nightbus that knows all passwords. Where the command changed some, each container is given
#   its own then, NATS reads them, and PostgreSQL is told. All of it may be repeated: what was cut off is made whole.
# - `provision` has NATS read its users before it logs in, so that passwords of a renewal that was cut off hold.
set -u
RELOAD_PAUSE_S="${RELOAD_PAUSE_S:-2}"

# Told twice, some seconds apart: what a new account imports works from the second time on.
reload() {
    kill -HUP 1 && sleep "$RELOAD_PAUSE_S" && kill -HUP 1
}

hand_over() {
    nightbus-prepare passwords >&2 && reload
}

case "${1:-} ${2:-}" in
"passwords apply")
    hand_over || exit 1
    ;;
"passwords renew" | "subscribers add" | "subscribers revoke")
    nightbus-entrypoint "$@"
    code=$?
    # Also after a failure: what was changed before it is to hold.
    hand_over && nightbus-entrypoint passwords apply >&2 || exit 1
    exit "$code"
    ;;
"provision "*)
    reload || exit 1
    ;;
esac
exec nightbus-entrypoint "$@"
