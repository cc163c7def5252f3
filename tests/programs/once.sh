#!/bin/sh
# once.sh AEC FOLDER -- what follows from states alone is computed when they change, and no less often; a search by a guide
# finds what a search in all of the range does.
set -u
aec=$1 folder=$2 rows=$(cd "$(dirname "$0")" && pwd)/rows.ae
mkdir -p "$folder" && cd "$folder" || exit 2
wrong=0
bad() { echo "$@"; wrong=1; }
loss() { tail -n 1 "$1/metrics.jsonl" | tr ',' '\n' | sed -n 's/^"train.loss"://p'; }
alike() {           # alike NAME: the fast schedule, which has `once`, and the plain one, which computes all in each step
    "$aec" emit $1.ae -o $1.c && grep -q 'known != ae_states' $1.c/model.c || bad "$1 computes nothing once"
    for schedule in plain fast; do
        "$aec" build $1.ae --real f64 --schedule $schedule -o $schedule && ./$schedule train --quiet --out $schedule.run || exit 1
    done
    awk -v a="$(loss plain.run)" -v b="$(loss fast.run)" 'BEGIN { exit !(a != 0 && (a - b)^2 < 1e-16) }' \
        || bad "$1: the loss is $(loss plain.run) in the plain schedule, $(loss fast.run) in the fast one"
}
awk 'BEGIN { for (n = 0; n < 60; n++) { for (k = 0; k < 12; k++) printf "%sw%s", k ? " " : "", n * k % 37 * k % 350; print "" } }' > rows.txt
sed 's/optimizer = .*/optimizer = sgd(lr = 0.2)/' "$rows" > words.ae
alike words
grep -q 'const piece' words.c/model.c || bad "noise words are searched in all of the range"
sed 's/tree = 0/tree = 1/' words.ae > tree.ae
alike tree

# a state that changes with every epoch, and what is made of it
awk 'BEGIN { for (n = 0; n < 50; n++) { for (k = 0; k < 40; k++) printf "%s%s", k ? "," : "", sin(n * k + k); print "" } }' > x.csv
cat > epochs.ae << 'END'
ae 1
model epochs

input x : vector(40)

data { train = csv("x.csv") }

layer apart {
    in x[n, c]
    out y[n, c]
    param w[c] = 1
    sweep(every = epoch) m[c] = mean(n) w[c] * x[n, c]
    far[c, d < 40] = exp(m[c] - m[d])
    y[n, c] = w[c] * x[n, c] + 0.01 * sum(d) far[c, d]
}

encoder { apart }
decoder { dense(40) }
reconstruct x by mse
train {
    optimizer = sgd(lr = 0.1)
    batch = 10
    epochs = 5
}
END
alike epochs
exit $wrong
