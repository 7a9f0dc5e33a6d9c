#!/usr/bin/env bash
# Runs a real S3 server until Ctrl-C and shows the section of nightbus.toml for it.
set -euo pipefail
port=19405
access_key=AKIANIGHTBUSTRYOUT00
secret_key=only-for-trying-things-out
folder=${TMPDIR:-/tmp}/nightbus-s3
for program in radosgw ceph-mon ceph-osd ceph radosgw-admin; do
    command -v "$program" > /dev/null || {
        echo "$program is not installed: apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"
        exit 1
    }
done
mkdir -p "$folder"
(umask 077 && printf '%s\n' "$secret_key" > "$folder/secret")
cat <<SHOWN
starting, about 15 seconds; then make a bucket in another shell, such as by (\`pip install awscli\` brings aws)
    AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key aws --endpoint-url http://127.0.0.1:$port s3 mb s3://nights

[[destinations]]
name = "try"
kind = "s3"
endpoint = "http://127.0.0.1:$port"
bucket = "nights"
addressing = "path"
access_key_id = "$access_key"
secret_access_key_file = "$folder/secret"

SHOWN
exec bash "$(dirname "$0")/ceph-rgw.sh" "$folder/server" "$port" "$access_key" "$secret_key"
