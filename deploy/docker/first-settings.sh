#!/bin/sh
# Writes the first settings of a container into the file $1: a source for each folder below /sources, and the library.
# A file that is there is left alone.
set -eu
file=$1
sources=${SOURCES:-/sources}
library=${LIBRARY:-/library}
[ ! -e "$file" ] || exit 0

# A string as TOML has it, between its quotes.
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }

# A file of settings is lines of UTF-8: a folder whose name is not cannot be named there.
is_text() {
    [ "$1" = "$(printf '%s' "$1" | tr -d '[:cntrl:]')" ] && printf '%s' "$1" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1
}

# A name for a source that no other one has.
new_name() {
    word=$(printf '%s' "$1" | LC_ALL=C tr '[:upper:]' '[:lower:]' | LC_ALL=C tr -c 'a-z0-9_-' '-')
    word=${word#"${word%%[a-z0-9]*}"}
    [ -n "$word" ] || word=source
    name=$word number=1
    while [ "$name" = library ] || case $taken in *" $name "*) true ;; *) false ;; esac do
        number=$((number + 1))
        name=$word-$number
    done
    taken="$taken$name "
}

{
    echo "# The settings of Nightbus, written at the first start and yours from now on."
    echo "# Every key with its default: deploy/nightbus.example.toml, or \`nightbus config example\`."
    echo "config_version = 1"
    taken=" "
    for folder in "$sources"/*/; do
        [ -d "$folder" ] || continue
        folder=${folder%/}
        if ! is_text "$folder"; then
            printf '\n# A folder is left out here: its name has line breaks, control characters or is no UTF-8.\n'
            continue
        fi
        new_name "${folder##*/}"
        printf '\n[[sources]]\nname = "%s"\npath = "%s"\n' "$name" "$(quoted "$folder")"
        echo 'mode = "copy"    # into the library; index: leave the files where they are'
        if [ -n "${TZ:-}" ]; then
            printf 'time_zone = "%s"    # of local times in file names\n' "${TZ#:}"
        fi
    done
    if mountpoint -q "$library"; then
        printf '\n[library]\npath = "%s"\n' "$(quoted "$library")"
    fi
} >"$file.new"
mv "$file.new" "$file"
