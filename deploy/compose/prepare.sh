#!/bin/sh
# Makes what the containers of Nightbus need before they start: passwords, the users of NATS, first settings, and owners
# of the volumes. It runs as root at each `docker compose up`, before all else. What is there already stays as it is, so
# it is safe to repeat; a user that a new version brings gets its password then.
#
# All passwords lie in the volume that `migrate` and `admin` see. Each process finds those that it needs in a volume of
# its own, mounted below /secrets here, and no other; programs of yours find those of subscribers in `subscribers`.
#
# With the word `passwords` it hands out passwords and no more, which it can do as whom Nightbus runs as: so does `admin`
# when it has changed some.
set -eu
umask 077
# In a container that runs commands it is called otherwise: there every NIGHTBUS_ variable is a setting.
password=${PASSWORD_OF_PEOPLE:-${NIGHTBUS_PASSWORD:?choose a password, in .env}}
uid=${PUID:-1000} gid=${PGID:-1000}
secrets=${SECRETS:-/secrets}
nats=${NATS:-/nats}
volumes=${VOLUMES:-/volumes}
settings=${SETTINGS:-/etc/nightbus}
library=${LIBRARY:-/library}
shipped=${SHIPPED:-/usr/share/nightbus}
all=$secrets/migrate
work=${1:-everything}

# What each process is given; a test holds this to the descriptions of the services.
passwords_of() {
    case $1 in
    postgres) echo nightbus_admin ;;
    ingest) echo ingest nats-ingest nats-janitor ;;
    scanner) echo nats-scanner ;;
    stats) echo stats nats-stats ;;
    calibration) echo calibration nats-calibration ;;
    backup) echo backup backup_dump nats-backup ;;
    api) echo api nats-api ;;
    cli) echo reader_cli nats-cli ;;
    provision) echo nats-provision ;;
    grafana) echo reader_grafana grafana ;;
    esac
}

# Replaces the file $1 by what comes in, unless that is what it says, and gives it to whom Nightbus runs as.
write() {
    cat >"$1.new"
    if [ -f "$1" ] && cmp -s "$1" "$1.new"; then
        rm "$1.new"
    else
        mv "$1.new" "$1"
    fi
    chown "$uid:$gid" "$1"
}

if [ "$work" = everything ]; then
    for folder in "$secrets"/*/ "$nats"/ "$volumes"/*/; do
        if [ -d "$folder" ] && [ "$(stat -c %u:%g "$folder")" != "$uid:$gid" ]; then
            chown -R -h "$uid:$gid" "$folder"
        fi
    done
fi

# The two that people type are those of the environment, and follow it; the others are made once.
for name in reader grafana; do
    printf '%s' "$password" | write "$all/$name"
done
nightbus passwords make "$all"
chown -R "$uid:$gid" "$all"
for folder in "$secrets"/*/; do
    for name in $(passwords_of "$(basename "$folder")"); do
        write "$folder$name" <"$all/$name"
    done
done
# PostgreSQL reads its password as a user of its own, and nobody else sees this volume.
chmod 755 "$secrets/postgres"
chmod 644 "$secrets/postgres/nightbus_admin"
# Subscribers come and go.
for file in "$all"/nats-subscriber-* "$secrets"/subscribers/nats-subscriber-*; do
    name=$(basename "$file")
    if [ -f "$all/$name" ]; then
        write "$secrets/subscribers/$name" <"$all/$name"
    else
        rm -f "$secrets/subscribers/$name"
    fi
done

write "$nats/nats.conf" <"$shipped/nats.conf"
write "$nats/users.conf" <"$all/nats-users.conf"
if [ "$work" != everything ]; then
    echo "each container has its passwords"
    exit 0
fi

if [ -d "$settings" ] && [ ! -e "$settings/nightbus.toml" ]; then
    umask 022
    nightbus-first-settings "$settings/nightbus.toml"
    chown "$uid:$gid" "$settings" "$settings/nightbus.toml"
fi
if [ -d "$library" ] && [ -z "$(ls -A "$library")" ]; then
    chown "$uid:$gid" "$library"
fi
echo "passwords, settings and volumes are ready for user $uid:$gid"
