#!/bin/sh
# What a container of Nightbus begins with: it takes on the user, the permissions and the time zone that were asked for,
# and becomes `nightbus` with the words that follow the image.
#
#   PUID, PGID  whom Nightbus runs as, in a container that was started as root; 1000 and 1000 where they are not set.
#               A container that was started as somebody else stays so.
#   UMASK       what is taken from the permissions of files that are written, such as 0022
#   TZ          time zone of the machine, such as Europe/Berlin
set -eu

refuse() {
    echo "nightbus: $*" >&2
    exit 2
}

wrong_number() {
    refuse "$1 is '$2': it must be the number of a user or group, such as 1000 (\`id\` shows yours)"
}

number() {
    case $2 in
    '' | *[!0-9]* | ???????????*) wrong_number "$@" ;;
    esac
    # The next number means "leave it as it is", and those beyond begin at 0 again: both would be root.
    [ "$2" -le 4294967294 ] || wrong_number "$@"
}

# The folder of our own state belongs to whom we run as; what is mounted below it is somebody else's.
own_state() {
    mountpoint -q "$1" && [ "$(stat -c %u "$1")" != "$uid" ] || return 0
    for entry in "$1"/* "$1"/.[!.]*; do
        if [ -e "$entry" ] && ! mountpoint -q "$entry"; then
            chown -R -h "$uid:$gid" "$entry"
        fi
    done
    chown "$uid:$gid" "$1"
}

# A library that holds anything keeps its owner; one that the engine has just made for us is given to us.
own_empty() {
    if mountpoint -q "$1" && [ -z "$(ls -A "$1")" ]; then
        chown "$uid:$gid" "$1"
    fi
}

# PostgreSQL makes no database for a user without a name, and a root file system that is only read takes none.
name_user() {
    getent passwd "$uid" >/dev/null && return 0
    names=${TMPDIR:-/tmp}/nightbus-names
    mkdir -p "$names"
    { cat /etc/passwd && echo "nightbus-user:x:$uid:$gid::/data:/usr/sbin/nologin"; } >"$names/passwd"
    { cat /etc/group && echo "nightbus-group:x:$gid:"; } >"$names/group"
    chmod 755 "$names"
    chmod 644 "$names/passwd" "$names/group"
    export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$names/passwd" NSS_WRAPPER_GROUP="$names/group"
}

if [ -n "${UMASK:-}" ]; then
    case $UMASK in
    *[!0-7]* | ?????*) refuse "UMASK is '$UMASK': it must be up to four digits from 0 to 7, such as 0022" ;;
    esac
    umask "$UMASK"
fi
if [ -n "${TZ:-}" ]; then
    zone=/usr/share/zoneinfo/${TZ#:}
    if [ ! -f "$zone" ] || [ "$(head -c 4 "$zone")" != TZif ]; then
        refuse "TZ is '$TZ', which is no time zone: write one such as Europe/Berlin"
    fi
fi

uid=$(id -u) gid=$(id -g)
if [ "$uid" -ne 0 ]; then
    number PUID "${PUID:-$uid}"
    number PGID "${PGID:-$gid}"
    if [ "${PUID:-$uid}" -ne "$uid" ] || [ "${PGID:-$gid}" -ne "$gid" ]; then
        refuse "PUID and PGID ask for ${PUID:-$uid}:${PGID:-$gid}, but the container was started as $uid:$gid:" \
            "start it as root (--user 0:0), or as them (--user ${PUID:-$uid}:${PGID:-$gid}) without PUID and PGID"
    fi
else
    number PUID "${PUID:-1000}"
    number PGID "${PGID:-1000}"
    uid=${PUID:-1000} gid=${PGID:-1000}
    [ "$uid" -ne 0 ] || refuse "PUID is 0: Nightbus does not run as root; name the user to whom your captures belong"
    own_state /data
    own_empty /library
fi
if [ "${1:-}" = up ]; then
    name_user
    set -- /bin/sh -c 'nightbus-first-settings /data/nightbus.toml && exec nightbus "$@"' nightbus "$@"
else
    set -- nightbus "$@"
fi
# tini reaps what others leave behind and hands signals on; as root without the right to it could not, so it is no root.
set -- tini -s -- "$@"
if [ "$(id -u)" -eq 0 ]; then
    set -- setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all "$@"
fi
exec "$@"
