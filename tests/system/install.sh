#!/usr/bin/env bash
# Installs the Debian packages that tests/system needs; what is there already is left alone. One line per package.
# A package that this Debian does not have is reported, and the tests that need it skip with that reason.
set -u -o pipefail

PACKAGES=(
    docker.io debootstrap iptables # a Docker engine, and the root file system of the images that tests/system builds
    busybox-static                 # shell and wget of the stand-in for the image of NATS
    libxml2-utils                  # xmllint: the template for Unraid
    systemd                        # systemd-analyze: the unit of deploy/systemd
    samba cifs-utils fuse3 rclone  # smbd plays a telescope's share; mounted by the kernel, or by FUSE where it has no cifs
    libcfitsio10                   # the C library that `make bench` measures header parsing against
    prometheus                     # and promtool
    source-extractor               # the star counts that ours are compared with
    strace                         # the order of writes, syncs and renames as the kernel saw it
    zstd libarchive-tools          # what restores archives without Nightbus, beside rclone; bsdtar is the tar of macOS
    btrfs-progs xfsprogs exfatprogs exfat-fuse # file systems on which copies are placed and mended
    radosgw ceph-mon ceph-osd ceph-common # Ceph's gateway: the S3 server that checks what is sent to it
    nodejs npm                     # the example for Node that reads events; some packages of nodejs have npm in them
    postgresql                     # the distribution's own: 15 in bookworm, the oldest that is supported
)

if ! command -v apt-get >/dev/null; then
    echo "make test-system installs Debian packages, and apt-get is not on this machine." >&2
    exit 1
fi

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# Whether its program is there, which another package than Debian's brought.
brought_by_another() { [ "$1" = npm ] && command -v npm >/dev/null; }
version_of() { dpkg-query -W -f='${Version}' "$1"; }

missing=()
for package in "${PACKAGES[@]}"; do
    if is_installed "$package"; then
        echo "already installed: $package $(version_of "$package")"
    elif brought_by_another "$package"; then
        echo "already installed: $package $("$package" --version), not of Debian's package"
    else
        missing+=("$package")
    fi
done
# Compose and buildx are plugins of Docker's client, and kubectl renders deploy/k8s. Debian has them (new enough) since
# trixie; their programs are static and run on bookworm as well, so they are taken out of the packages and put where they
# are looked for.
PLUGINS=/usr/local/lib/docker/cli-plugins
needs_plugins() { command -v docker >/dev/null && { ! docker compose version || ! docker buildx version; } >/dev/null 2>&1; }
needs_kubectl() { ! kubectl version --client 2>/dev/null | grep -q 'Kustomize Version: v[5-9]'; }

# from_trixie WHAT FOLDER PATTERN PACKAGE...: programs of packages, those that the pattern names, into a folder
from_trixie() {
    local what=$1 folder=$2 pattern=$3 work mirror
    shift 3
    work=$(mktemp -d)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | head -1)
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
        -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
    if (cd "$work" && apt-get "${options[@]}" update -q && apt-get "${options[@]}" download "${@/%//trixie}") \
        >"$work/log" 2>&1; then
        for package in "$work"/*.deb; do
            dpkg -x "$package" "$work/unpacked"
        done
        # The pattern is a list of files.
        # shellcheck disable=SC2086
        (cd "$work/unpacked" && install -D -t "$folder" $pattern) && echo "installed: $what in $folder"
    else
        echo "skipped: $what cannot be had: $(grep '^E:' "$work/log" | tail -1)"
    fi
    rm -rf "$work"
}

if [ "${#missing[@]}" -eq 0 ] && ! needs_plugins && ! needs_kubectl; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
    echo "make test-system installs Debian packages and must be run as root; missing: ${missing[*]}" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# Where init scripts start daemons (no systemd), this keeps the packages' own daemons off: the tests start theirs.
export RUNLEVEL=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt-get update -q >"$log" 2>&1; then
    echo "apt-get update failed, going on with the lists that are here: $(grep -E '^(E|Err)' "$log" | head -1)" >&2
fi
for package in "${missing[@]}"; do
    if [ -z "$(apt-cache search --names-only "^${package//./\\.}\$")" ]; then
        echo "skipped: $package is not in this distribution"
    elif apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "$package" >"$log" 2>&1; then
        echo "installed: $package $(version_of "$package")"
    else
        echo "skipped: $package cannot be installed: $(grep '^E:' "$log" | tail -1)"
    fi
done

if needs_plugins; then
    from_trixie "docker compose and buildx" "$PLUGINS" 'usr/libexec/docker/cli-plugins/*' docker-compose docker-buildx
fi
if needs_kubectl; then
    from_trixie kubectl /usr/local/bin usr/bin/kubectl kubectl
fi
