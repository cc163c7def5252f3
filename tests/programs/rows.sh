#!/bin/sh
# rows.sh AEC FOLDER -- a table of which a step touches few rows gets the bits of one that is passed over whole, with any
# number of threads and after a stop; one that goes without a gradient comes as near as rounding lets it; and an update that
# moves what has no gradient is never cut short.
set -u
aec=$1 folder=$2 file=$(cd "$(dirname "$0")" && pwd)/rows.ae
mkdir -p "$folder" && cd "$folder" || exit 2
awk 'BEGIN { for (n = 0; n < 60; n++) { for (k = 0; k < 12; k++) printf "%sw%s", k ? " " : "", n * k % 37 * k % 350; print "" } }' > rows.txt
wrong=0
bad() { echo "$@"; wrong=1; }
without=
make() {            # make OUT OPTIMIZER FLAGS: whether its tables go by rows
    out=$1 optimizer=$2; shift 2
    sed "s/^    optimizer = .*/    optimizer = $optimizer/; $without" "$file" > $out.ae
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

# ---- straight into the update: plain sgd where nobody asks for the norm ----------------------------------------------
without='/^    clip = /d'
direct() { make "$@"; ! grep -q ae_join "$1.c/model.c" && grep -q '\.apart = ' "$1.c/model.c"; }
for tree in 0 1; do
    direct rows "sgd(lr = 0.2)" -D tree=$tree || bad "sgd, tree = $tree, asks for a gradient"
    for threads in 1 2 3 5; do
        train rows $threads
        cmp -s rows.1/model.safetensors rows.$threads/model.safetensors || bad "tree = $tree: other bits with $threads threads"
    done
    direct rows "sgd(lr = 0.2)" -D tree=$tree --real f64 || bad "sgd in double asks for a gradient"
    direct dense "whole(lr = 0.2)" -D tree=$tree --real f64 && bad "whole goes without a gradient"
    for way in rows dense; do
        ./$way grad --quiet -o $way.g.safetensors || exit 1
        train $way 1
    done
    cmp -s rows.g.safetensors dense.g.safetensors || bad "tree = $tree: another gradient for who asks"
    awk -v a="$(loss rows.1)" -v b="$(loss dense.1)" 'BEGIN { exit !(a > 0 && (a - b)^2 < 1e-22) }' || bad "tree = $tree: straight $(loss rows.1), whole $(loss dense.1)"
done
for optimizer in "adagrad(lr = 0.05)" "sgd(lr = 1, momentum = 0.9)"; do
    direct other "$optimizer" && bad "$optimizer goes without a gradient"
done

# What is not finite is found before the update, and what only looks so is let through: the gradient of o is -2 size.
cat > large.ae << 'END'
ae 1
model large

set size = 1

layer large(dim, size) {
    in x[n, t] of vocab
    out z[n, dim]
    param e[vocab, dim] = size, o[vocab, dim] = 0
    z[n, j] = e[x[n, 1], j]
    term nll[n] = softplus(-(sum(j) z[n, j] * o[x[n, 0], j]))
}

input x : tokens(3, 400)

data { train = text("large.txt", rows = window) }

encoder { large(16, size) as z }

regularize { nll(z) * 4 }

train {
    optimizer = sgd(lr = 1e-38)
    batch = 1000
    epochs = 1
}
END
awk 'BEGIN { for (k = 0; k < 1000; k++) printf "a " }' > large.txt
"$aec" emit large.ae -o large.c && grep -q '\.apart = ' large.c/model.c || bad "large.ae asks for a gradient"
for size in 1 1e38 3.4e38; do
    "$aec" build large.ae -o large -D size=$size || exit 1
    ./large train --quiet --out large.run > said 2>&1
    case $size:$? in 1:0|1e38:0) ;; 3.4e38:1) ;; *) bad "a vector of $size:"; cat said;; esac
done
grep -q 'the gradient of encoder.large1.o is -inf at element' said || { bad "not finite:"; cat said; }
exit $wrong
