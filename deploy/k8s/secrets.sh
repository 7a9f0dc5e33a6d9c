#!/bin/sh
# What must not lie in a repository, made anew each time, as Secrets of Kubernetes:
#
#     sh deploy/k8s/secrets.sh | kubectl apply -f -
#
# - nightbus-nats, nightbus-postgres, postgres-admin: a random password for each user of NATS and each role of Postgres
# - nats-tls, postgres-tls: certificates for ten years, of an authority whose key is thrown away at once
#
# With `passwords` or `certificates` as its argument it makes these alone. Nothing is kept here. What comes of applying it
# again: docs/howto/kubernetes.md, "Change passwords and certificates".
set -eu

NATS_USERS="ingest scanner stats backup api cli janitor provision"
POSTGRES_ROLES="ingest stats backup api reader reader_cli reader_grafana backup_dump"
NATS_NAMES="nats nats.nightbus.svc.cluster.local nats-0.nats-headless nats-1.nats-headless nats-2.nats-headless"
POSTGRES_NAMES="postgres postgres-rw postgres-rw.nightbus.svc.cluster.local"
DAYS=3650

# Letters and digits, a letter first: NATS reads a password that looks like a number as one.
password() { printf 'p%s' "$(od -An -tx1 -N24 /dev/urandom | tr -d ' \n')"; }

head() { # name, type
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: nightbus\n' "$1"
    printf '  labels: {app.kubernetes.io/part-of: nightbus, cnpg.io/reload: "true"}\n'
    printf 'type: %s\nstringData:\n' "$2"
}

line() { printf '  %s: "%s"\n' "$1" "$2"; }

file() { # key, file
    printf '  %s: |\n' "$1"
    sed 's/^/    /' "$2"
}

passwords() {
    head nightbus-nats Opaque
    for user in $NATS_USERS; do line "nats-$user" "$(password)"; done
    head nightbus-postgres Opaque
    for role in $POSTGRES_ROLES; do line "$role" "$(password)"; done
    head postgres-admin kubernetes.io/basic-auth
    line username nightbus_admin
    line password "$(password)"
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
    head "$secret" kubernetes.io/tls
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

case ${1:-all} in
all)
    passwords
    certificates
    ;;
passwords | certificates) "$1" ;;
*)
    echo "secrets.sh: '$1' is none of passwords, certificates" >&2
    exit 2
    ;;
esac
