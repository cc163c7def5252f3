#!/bin/sh
# run.sh -- the models of this folder against what PyTorch made of them.
#
#     tests/parity/run.sh AEC COMPARE [NAME ...]
#
# AEC is the compiler, COMPARE is compare.c built. For every NAME.json: the gradients of the first batch, in
# float and in double, then the losses of ten steps of the model's optimizer. Prints a line for each model.
set -u
here=$(cd "$(dirname "$0")" && pwd)
aec=$1 compare=$2
shift 2
[ $# -gt 0 ] || set -- $(cd "$here" && ls *.json | sed 's/\.json$//')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

check() {       # check NAME f32|f64: what differs goes to stdout
    "$aec" build --real "$2" -o "$work/$1" "$here/$1.ae" || return
    "$work/$1" grad --weights "$here/$1.weights.safetensors" -o "$work/g.safetensors" >"$work/log" 2>&1 \
        || { cat "$work/log"; return 1; }
    "$compare" "$work/g.safetensors" "$here/$1.grads.safetensors" "$here/$1.json" || return
    "$work/$1" train --weights "$here/$1.weights.safetensors" --out "$work/run" --quiet >"$work/log" 2>&1 \
        || { cat "$work/log"; return 1; }
    "$compare" --losses "$work/run/metrics.jsonl" "$here/$1.json"
}

for name; do
    for real in f32 f64; do
        rm -rf "$work/run"
        if check "$name" $real >"$work/said" 2>&1; then
            echo "ok    $name $real"
        else
            failed=$((failed + 1))
            echo "FAIL  $name $real"
            sed 's/^/      /' "$work/said"
        fi
    done
done
exit $((failed > 0))
