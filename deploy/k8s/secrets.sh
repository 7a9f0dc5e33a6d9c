#!/bin/sh
# What must not lie in a repository, as Secrets of Kubernetes:
#
#     nightbus passwords make passwords
#     sh deploy/k8s/secrets.sh passwords passwords | kubectl apply -f -
#     sh deploy/k8s/secrets.sh certificates        | kubectl apply -f -
#
# - passwords DIR: a password for each user of NATS and each role of Postgres, and the users of NATS with their rights, from
#   a folder that `nightbus passwords make` made. Keep that folder as you keep keys: it is what renewing begins with.
# - certificates: for NATS and Postgres, for ten years, by an authority whose key is thrown away at once. Each time new ones.
set -eu

NATS_NAMES="nats nats.nightbus.svc.cluster.local nats-0.nats-headless nats-1.nats-headless nats-2.nats-headless"
POSTGRES_NAMES="postgres postgres-rw postgres-rw.nightbus.svc.cluster.local"
ADMIN=nightbus_admin
DAYS=3650

refuse() {
    echo "secrets.sh: $*" >&2
    exit 2
}

begin() { # name, type
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: nightbus\n' "$1"
    printf '  labels: {app.kubernetes.io/part-of: nightbus, cnpg.io/reload: "true"}\n'
    printf 'type: %s\ndata:\n' "$2"
}

file() { # key, file
    printf '  %s: %s\n' "$1" "$(base64 <"$2" | tr -d '\n')"
}

# A password without the end of its line: Postgres' own programs would take that for a part of it.
word() { # key, file
    printf '  %s: %s\n' "$1" "$(tr -d '\n' <"$2" | base64 | tr -d '\n')"
}

passwords() { # folder
    [ -f "$1/nats-users.conf" ] && [ -f "$1/$ADMIN" ] || refuse "$1 is no folder of \`nightbus passwords make\`"
    begin nightbus-nats Opaque
    for path in "$1"/nats-*; do
        [ "$path" = "$1/nats-users.conf" ] || word "$(basename "$path")" "$path"
    done
    begin nats-users Opaque
    file nats-users.conf "$1/nats-users.conf"
    begin nightbus-postgres Opaque
    for path in "$1"/*; do
        case $(basename "$path") in
        nats-* | "$ADMIN") ;;
        *) word "$(basename "$path")" "$path" ;;
        esac
    done
    begin postgres-admin kubernetes.io/basic-auth
    printf '  username: %s\n' "$(printf %s "$ADMIN" | base64)"
    word password "$1/$ADMIN"
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

certificate() { # name of the Secret, then the names of the server
    secret=$1
    shift
    new_key "$folder/key"
    openssl req -new -key "$folder/key" -subj "/CN=$1" -out "$folder/request"
    {
        printf 'basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n'
        printf 'extendedKeyUsage = serverAuth, clientAuth\n'
        printf 'subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\nsubjectAltName = '
        printf 'DNS:%s,' "$@" | sed 's/,$//'
    } >"$folder/extensions"
    openssl x509 -req -in "$folder/request" -CA "$folder/ca" -CAkey "$folder/ca-key" -CAcreateserial -days "$DAYS" \
        -sha256 -extfile "$folder/extensions" -out "$folder/certificate" 2>/dev/null
    begin "$secret" kubernetes.io/tls
    file tls.crt "$folder/certificate"
    file tls.key "$folder/key"
    file ca.crt "$folder/ca"
}

certificates() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    new_key "$folder/ca-key"
    openssl req -x509 -new -key "$folder/ca-key" -sha256 -days "$DAYS" -subj "/CN=Nightbus" \
        -addext "keyUsage = critical, keyCertSign, cRLSign" -out "$folder/ca"
    # Names are words without blanks.
    # shellcheck disable=SC2086
    {
        certificate nats-tls $NATS_NAMES
        certificate postgres-tls $POSTGRES_NAMES
    }
}

case ${1:-} in
passwords) passwords "${2:?the folder of passwords is missing: secrets.sh passwords DIR}" ;;
certificates) certificates ;;
*) refuse "say \`passwords DIR\` or \`certificates\`" ;;
esac
