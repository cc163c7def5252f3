#!/usr/bin/env bash
# run.sh AEC FOLDER -- `export --onnx`: what the model in the file computes, read and run by onnx_run.c, is what the trainer gives.
#
# Each line of `models`: an example, or a file beside this one; the shape of its rows, from where to where their numbers go (whole ones where that is more
# than 1), the nodes that must be there. check.py beside does the same for all examples with onnxruntime.
set -u
cd "$(dirname "$0")/../.." || exit 2
export aec=$PWD/$1 work=$PWD/$2/onnx examples=$PWD/examples tests=$PWD/tests/onnx cc=$PWD/tests/cc
rm -rf "$work" && mkdir -p "$work"
gcc -std=gnu11 -O2 -g -Wall -Wextra tests/onnx/onnx_run.c -o "$work/run" -lm || exit 1

ok()  { echo ok; }
bad() { printf 'FAILED %s\n' "$1"; [ $# -gt 1 ] && printf '%s\n' "$2" | head -n 6 | sed 's/^/    /'; }
try() { local name=$1 said; shift; if said=$("$@" 2>&1); then ok; else bad "$name" "$said"; fi; }

one() {             # one MODEL SHAPE LOW HIGH NODES
    local name=$1 shape=$2 low=$3 high=$4 nodes=$5 dir=$work/$1 node w rows
    mkdir -p "$dir" && cd "$dir" || return
    "$work/run" rows x.npy 3 "$low" "$high" 7 ${shape//,/ }
    cp "$tests/$name.ae" . 2> /dev/null || cp "$examples/$name.ae" .
    "$aec" build "$name.ae" --cc "$cc" -o t > log 2>&1 || { bad "build $name" "$(cat log)"; return; }
    ./t train --quiet --epochs 1 --threads 1 --out run > log 2>&1 || { bad "train $name" "$(cat log)"; return; }
    w="--weights run" rows="--test x.npy --split test --scaled"
    ./t encode $w $rows -o z.npy > log 2>&1 || { bad "encode $name" "$(cat log)"; return; }
    try "export $name encode" ./t export --onnx --name encode $w -o encode.onnx
    try "$name encode" "$work/run" encode.onnx x=x.npy 0:z.npy
    if ./t reconstruct $w $rows -o y.npy > log 2>&1; then
        try "export $name" ./t export --onnx $w -o both.onnx
        try "$name reconstruct" "$work/run" both.onnx x=x.npy 0:y.npy 1:z.npy
        try "export $name decode" ./t export --onnx --name decode $w -o decode.onnx
        try "$name decode" "$work/run" decode.onnx z=z.npy 0:y.npy
    fi
    if ./t predict $w $rows -o p.npy > log 2>&1; then
        try "export $name predict" ./t export --onnx --name predict $w -o predict.onnx
        try "$name predict" "$work/run" predict.onnx x=x.npy 0:p.npy
    fi
    for node in ${nodes//,/ }; do
        for file in *.onnx; do "$work/run" "$file" ops; done | grep -qx "$node" && ok || bad "$name has a $node"
    done
}
export -f ok bad try one

models='quickstart 1,8,8 0 1 MatMul
batch_norm 1,8,8 0 1 Conv,ConvTranspose
layer_norm 1,8,8 0 1 ReduceSum
pooling 1,8,8 0 1 ReduceMax,Gather
k_sparse 1,8,8 0 1 TopK
vq 1,8,8 0 1 ArgMin
gru 8,8 0 1 Loop
lstm 8,8 0 1 Loop
transformer 8,8 0 1 Einsum
embedding 64 0 17 Gather
classifier 1,8,8 0 1 Exp
odd 12 -1 1 ScatterElements,ArgMax,Loop,Einsum'
printf '%s\n' "$models" | xargs -P 2 -L 1 bash -c 'one "$@" > "$work/$1.result" 2>&1' one

{   # what cannot be said
    cd "$work" && "$aec" build "$examples/conditional_vae.ae" --cc "$cc" -o t > log 2>&1 && ./t train --quiet --epochs 1 --out run > log 2>&1
    ./t export --onnx --name predict --weights run > log 2>&1
    [ $? = 1 ] && [ "$(cat log)" = 'error: conditional_vae.ae:45: `export --onnx` cannot say `predict`: it draws at random' ] && ok || bad "a draw" "$(cat log)"
    cat > drawn.ae << 'END'
ae 1
model drawn

input x : sequence(4, 3)

data { train = npy("x.npy") }

layer either(units) {
    in x[n, t, k]
    out y[n, t, units]
    param w[5] = normal()
    y[n, t, j] = uniform() < 0.5 ? w[2 * t] : x[n, 3 * t, j]
}

encoder { either(3) flatten dense(2) }
decoder { dense(12) reshape(4, 3) }
reconstruct x by mse
train { epochs = 1 }
END
    "$work/run" rows x.npy 5 0 1 7 4 3 && "$aec" build drawn.ae --cc "$cc" -o t > log 2>&1 && ./t train --quiet --out drawn > log 2>&1 \
        && ./t export --onnx --name encode --weights drawn > log 2>&1
    grep -q '^error: drawn.ae:15: `export --onnx` cannot say `encode`: it draws at random' log && ok || bad "a draw within an expression" "$(cat log)"
    ./t export --onnx --c > log 2>&1; [ $? = 2 ] && ok || bad "two kinds at once" "$(cat log)"
    ./t export --onnx -o net.c > log 2>&1; [ "$(cat log)" = 'error: -o net.c: the name ends in .onnx' ] && ok || bad "another ending" "$(cat log)"
} > "$work/refused.result" 2>&1

cat "$work"/*.result | grep -v '^ok$'
passed=$(cat "$work"/*.result | grep -c '^ok$') failed=$(cat "$work"/*.result | grep -c '^FAILED')
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
