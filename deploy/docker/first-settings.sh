#!/bin/sh
# Writes the first settings of a container into the file $1: a source for each folder below /sources, and the library.
# A file that is there is left alone.
set -eu
file=$1
sources=${SOURCES:-/sources}
library=${LIBRARY:-/library}
[ ! -e "$file" ] || exit 0

{
    echo "# The settings of Nightbus, written at the first start and yours from now on."
    echo "# Every key with its default: deploy/nightbus.example.toml, or \`nightbus config example\`."
    echo "config_version = 1"
    for folder in "$sources"/*/; do
        [ -d "$folder" ] || continue
        folder=${folder%/}
        name=$(basename "$folder" | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9_\n-' '-')
        printf '\n[[sources]]\nname = "%s"\npath = "%s"\n' "$name" "$folder"
        echo 'mode = "copy"    # into the library; index: leave the files where they are'
        if [ -n "${TZ:-}" ]; then
            printf 'time_zone = "%s"    # of local times in file names\n' "${TZ#:}"
        fi
    done
    if mountpoint -q "$library"; then
        printf '\n[library]\npath = "%s"\n' "$library"
    fi
} >"$file.new"
mv "$file.new" "$file"
