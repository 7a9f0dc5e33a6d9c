#!/bin/sh
# Brings a session back from its archives, without Nightbus and without Python.
#
#   nightbus-restore.sh SOURCE SESSION FOLDER
#
# SOURCE   where the archives are, with the prefix of the installation:
#            /media/usb/nightbus/nightbus-0123abcd  a folder
#            s3://bucket/nightbus-0123abcd          a bucket, by aws (AWS_ENDPOINT_URL: of a server of your own)
#            remote:bucket/nightbus-0123abcd        whatever rclone knows
# SESSION  such as 20240102_0123ABCD, or arrived_20240102
# FOLDER   where the files go: FOLDER/SESSION/<root>/<path>
#
# All archives of the session are unpacked, first to last, and those of sessions that were merged into it, whose names
# its newest manifest tells; then every file is compared with the newest SHA256SUMS.
# What lies in FOLDER already is never overwritten: run it again to go on. It needs tar, sha256sum (or shasum), and
# zstd unless the archives are plain .tar.
#
# It ends with 0 when every file is there and right; 1 when one is not; 2 when it could not begin.

set -u
export LC_ALL=C # names are bytes, and "OK" is "OK"

fail() {
    echo "nightbus-restore: $1" >&2
    exit "${2:-2}"
}

[ $# -eq 3 ] || fail "usage: nightbus-restore.sh SOURCE SESSION FOLDER"
source=${1%/} session=$2 folder=$3

case $session in
    *[!A-Za-z0-9_-]*) fail "$session is no session: write it as in 20240102_0123ABCD" ;;
    arrived_[0-9][0-9][0-9][0-9]*) year=${session#arrived_} ;;
    [0-9][0-9][0-9][0-9]*) year=$session ;;
    *) fail "$session is no session: write it as in 20240102_0123ABCD" ;;
esac
year=$(printf %.4s "$year")

case $source in
    s3://*) way=aws ;;
    /* | ./* | ../* | .) way=folder ;;
    *:*) way=rclone ;;
    *) way=folder ;;
esac
raw=$source/backups/raw
place=$raw/$year

needs() { command -v "$1" >/dev/null 2>&1 || fail "$1 is needed and is not installed"; }
needs tar
[ $way = folder ] || needs $way
if command -v sha256sum >/dev/null 2>&1; then
    check() { sha256sum -c "$1"; }
else
    needs shasum
    check() { shasum -a 256 -c "$1"; }
fi
# What is there already stays as it is; GNU tar calls that otherwise than the tar of BSD and macOS.
case $(tar --version 2>/dev/null) in
    *GNU*) keep=--skip-old-files ;;
    *) keep=-k ;;
esac

names() {
    case $way in
        folder) ls "$place" ;;
        aws) aws s3 ls "$place/" | sed 's/^ *[^ ]* *[^ ]* *[^ ]* //' ;;
        rclone) rclone lsf "$place" ;;
    esac
}

fetch() {
    case $way in
        folder) cat "$raw/$1" ;;
        aws) aws s3 cp --only-show-errors "$raw/$1" - ;;
        rclone) rclone cat "$raw/$1" ;;
    esac
}

unpack() {
    case $1 in
        *.zst) zstd -dcq ;;
        *) cat ;;
    esac
}

work=$(mktemp -d) || fail "there is no room for temporary files"
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

names >"$work/names" || fail "$place cannot be listed: does SOURCE end with the prefix, such as nightbus-0123abcd?"
# The archives of this very session, first to last, by year and name.
sed -n -e "s/^$session\.tar\(\.zst\)\{0,1\}\$/1 &/p" -e "s/^$session\.r\([0-9]*\)\.tar\(\.zst\)\{0,1\}\$/\1 &/p" \
    "$work/names" | sort -n | sed "s/^[0-9]* /$year\//" >"$work/archives"
newest=$(sed -n -e "s/^$session\.SHA256SUMS\$/1 &/p" -e "s/^$session\.r\([0-9]*\)\.SHA256SUMS\$/\1 &/p" \
    "$work/names" | sort -n | tail -n 1 | cut -d ' ' -f 2)
[ -n "$newest" ] || [ ! -s "$work/archives" ] || fail "$place has no SHA256SUMS of $session"
[ -n "$newest" ] || fail "$place has no archive of $session"
fetch "$year/$newest" >"$work/sums" || fail "$newest cannot be read"
manifest=${newest%.SHA256SUMS}.manifest.json
fetch "$year/$manifest" >"$work/manifest" || echo "$manifest cannot be read: it would say what other archives have, \
and which files none has" >>"$work/failed"
sed -n 's/^.*"archive": "backups\/raw\/\([0-9]*\/[A-Za-z0-9_.-]*\)".*$/\1/p' "$work/manifest" | sort -u |
    grep -v "/$session\." >>"$work/archives"
[ -s "$work/archives" ] || fail "$place has no archive of $session, and its manifest names none of others"
grep -q '\.zst$' "$work/archives" && needs zstd

mkdir -p "$folder" || fail "$folder cannot be made"
while read -r name; do
    echo "unpacking $name"
    {
        fetch "$name" </dev/null || echo "$name cannot be read" >>"$work/failed"
    } | {
        unpack "$name" || echo "$name cannot be unpacked" >>"$work/failed"
    } | tar -x -f - -C "$folder" $keep -o || echo "the files of $name cannot be written" >>"$work/failed"
done <"$work/archives"

echo "comparing every file with $newest"
(cd "$folder" && check "$work/sums") >"$work/compared" 2>&1 || echo "not every file is right" >>"$work/failed"
good=$(grep -c ': OK$' "$work/compared")
grep -v ': OK$' "$work/compared" >&2

# Files that no archive has, because they could not be read when it was made: one line each in the manifest.
sed -n '/^"left_out": \[$/,/^\]/s/^{"member": "\(.*\)", "root": .*"reason": "\(.*\)"}.*$/never archived: \1 (\2)/p' \
    "$work/manifest" >&2

if [ -s "$work/failed" ]; then
    cat "$work/failed" >&2
    fail "$session is not whole in $folder: $good files are right" 1
fi
echo "$session is in $folder/$session: $good files, all of them right"
