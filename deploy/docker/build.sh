#!/usr/bin/env bash
# Builds both images of this checkout, labelled with its version and commit. Words that follow go to docker, such as
# `--platform linux/arm64`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
labels=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD)"
    --build-arg "CREATED=$(git log -1 --format=%cI)")
for target in nightbus all-in-one; do
    case $target in
    nightbus) image=nightbus:$version ;;
    all-in-one) image=nightbus-all-in-one:$version ;;
    esac
    DOCKER_BUILDKIT=1 docker build --file deploy/docker/Dockerfile --target "$target" --tag "$image" \
        "${labels[@]}" "$@" .
    docker image ls "$image"
done
