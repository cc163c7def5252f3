#!/bin/sh
# rows.sh AEC FOLDER -- a table of which a step touches few rows gets the bits of one that is passed over whole, with any
# number of threads and after a stop; and an update that moves what has no gradient is never cut short.
set -u
aec=$1 folder=$2 file=$(cd "$(dirname "$0")" && pwd)/rows.ae
mkdir -p "$folder" && cd "$folder" || exit 2
awk 'BEGIN { for (n = 0; n < 60; n++) { for (k = 0; k < 12; k++) printf "%sw%s", k ? " " : "", n * k % 37 * k % 350; print "" } }' > rows.txt
wrong=0
bad() { echo "$@"; wrong=1; }
make() {            # make OUT OPTIMIZER FLAGS: whether its tables go by rows
    out=$1 optimizer=$2; shift 2
    sed "s/^    optimizer = .*/    optimizer = $optimizer/" "$file" > $out.ae
    "$aec" emit $out.ae -o $out.c "$@" && "$aec" build $out.ae -o $out "$@" || exit 1
    grep -q ae_join $out.c/model.c
}
train() { "./$1" train --quiet --threads "$2" --out "$1.$2" || exit 1; }

for tree in 0 1; do
    for pair in "sgd whole 0.2" "adagrad whole_adagrad 0.05"; do
        set -- $pair
        make rows "$1(lr = $3)" -D tree=$tree || bad "$1 passes over the whole table"
        make dense "$2(lr = $3)" -D tree=$tree && bad "$2 goes by rows"
        train dense 1
        for threads in 1 2 3 5; do
            train rows $threads
            cmp -s dense.1/model.safetensors rows.$threads/model.safetensors || bad "$1, tree = $tree: other bits by rows with $threads threads"
        done
    done
done
# what does more to a row than its gradient says
for optimizer in "adam(lr = 1e-3)" "sgd(lr = 1, momentum = 0.9)" "adamw(lr = 1e-3)" "rmsprop(lr = 1e-3)"; do
    make other "$optimizer" && bad "$optimizer goes by rows"
done
sed 's/regularize { .* }/regularize {\n    nll(z)\n    l2(weights) * 1e-3\n}/' "$file" > decay.ae
"$aec" emit decay.ae -o decay.c || exit 1
grep -q ae_join decay.c/model.c && bad "a table that is drawn towards 0 goes by rows"
# the norm of the gradient is that of the rows
make rows "sgd(lr = 0.2)" -D norm=0.5; make dense "whole(lr = 0.2)" -D norm=0.5
train rows 1 && train dense 1
loss() { tail -n 1 "$1/metrics.jsonl" | tr ',' '\n' | sed -n 's/^"train.loss"://p'; }
awk -v a="$(loss rows.1)" -v b="$(loss dense.1)" 'BEGIN { exit !(a > 0 && (a - b)^2 < 1e-10) }' || bad "clipped by rows $(loss rows.1), whole $(loss dense.1)"
exit $wrong
