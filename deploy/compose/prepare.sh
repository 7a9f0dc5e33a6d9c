#!/bin/sh
# Makes what the containers of Nightbus need before they start: passwords, the users of NATS, first settings, and owners
# of the volumes. It runs as root at each `docker compose up`, before all else. What is there already stays as it is, so
# it is safe to repeat; a user that a new version brings gets its password then.
#
# Each process finds the passwords that it needs in a volume of its own, mounted below /secrets here, and no other.
set -eu
umask 077
: "${NIGHTBUS_PASSWORD:?choose a password, in .env}"
uid=${PUID:-1000} gid=${PGID:-1000}
secrets=${SECRETS:-/secrets}
nats=${NATS:-/nats}
volumes=${VOLUMES:-/volumes}
settings=${SETTINGS:-/etc/nightbus}
library=${LIBRARY:-/library}
shipped=${SHIPPED:-/usr/share/nightbus}

# What each process is given; a test holds this to the descriptions of the services.
passwords_of() {
    case $1 in
    postgres) echo nightbus_admin ;;
    ingest) echo ingest nats-ingest nats-janitor ;;
    scanner) echo nats-scanner ;;
    stats) echo stats nats-stats ;;
    backup) echo backup backup_dump nats-backup ;;
    api) echo api nats-api ;;
    cli) echo reader_cli nats-cli ;;
    provision) echo nats-provision ;;
    grafana) echo reader_grafana grafana ;;
    esac
}
ROLES="ingest stats backup api reader reader_cli reader_grafana backup_dump nightbus_admin"

# Replaces the file $1 by what comes in, unless that is what it says: as a whole, and open to whom it is for.
write() {
    cat >"$1.new"
    if [ -f "$1" ] && cmp -s "$1" "$1.new"; then
        rm "$1.new"
    else
        mv "$1.new" "$1"
    fi
    chown "$uid:$gid" "$1"
}

# The password of $1: 48 characters, made once.
password() {
    if [ ! -s "$secrets/migrate/$1" ]; then
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | write "$secrets/migrate/$1"
    fi
    cat "$secrets/migrate/$1"
}

# The two that people type are those of the environment: they follow it.
chosen() {
    printf '%s' "$NIGHTBUS_PASSWORD" | write "$secrets/migrate/$1"
}

for folder in "$secrets"/*/ "$nats"/ "$volumes"/*/; do
    if [ -d "$folder" ] && [ "$(stat -c %u:%g "$folder")" != "$uid:$gid" ]; then
        chown -R -h "$uid:$gid" "$folder"
    fi
done
chosen reader
chosen grafana
for name in $ROLES; do
    password "$name" >/dev/null
done
for folder in "$secrets"/*/; do
    for name in $(passwords_of "$(basename "$folder")"); do
        password "$name" | write "$folder$name"
    done
done
# PostgreSQL reads its password as a user of its own, and nobody else sees this volume.
chmod 755 "$secrets/postgres"
chmod 644 "$secrets/postgres/nightbus_admin"

# The users of NATS, each with its password in the place of the variable.
users=$(cat "$shipped/users.conf")
for variable in $(sed -n 's/^ *password: \$\(NATS_[A-Z_]*\)$/\1/p' "$shipped/users.conf"); do
    name=nats-$(echo "${variable#NATS_}" | tr '[:upper:]' '[:lower:]')
    users=$(echo "$users" | sed "s|^\( *password: \)\$$variable\$|\1\"$(password "$name")\"|")
done
echo "$users" | write "$nats/users.conf"
write "$nats/nats.conf" <"$shipped/nats.conf"

if [ -d "$settings" ] && [ ! -e "$settings/nightbus.toml" ]; then
    umask 022
    nightbus-first-settings "$settings/nightbus.toml"
    chown "$uid:$gid" "$settings" "$settings/nightbus.toml"
fi
if [ -d "$library" ] && [ -z "$(ls -A "$library")" ]; then
    chown "$uid:$gid" "$library"
fi
echo "passwords, settings and volumes are ready for user $uid:$gid"
