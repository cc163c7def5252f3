#!/usr/bin/env bash
# models.sh AEC FOLDER FIRST LAST -- random models, a round each: what must hold for every model holds for them.
#
# A round that fails leaves its folder, FOLDER/models/ROUND; the others are taken away. Two rounds are tried at a time.
set -u
cd "$(dirname "$0")/../.." || exit 2
export aec=$PWD/$1 work=$PWD/$2/models first=$3 last=$4
rm -rf "$work" && mkdir -p "$work"
export OMP_WAIT_POLICY=passive ASAN_OPTIONS=detect_leaks=0
strict="-std=gnu11 -Wall -Wextra -Wpedantic"
gcc $strict -O1 tests/fuzz/models.c tests/fuzz/formulas.c -o "$work/make" -lm && gcc $strict -O1 tests/parity/compare.c -o "$work/compare" -lm || exit 1

# One check: it says nothing, or the round has failed.
try() { local name=$1; shift; "$@" > said 2>&1 || { echo "FAILED round $round: $name, status $?"; head -n 8 said | sed 's/^/    /'; exit 1; }; }
train() { try "train $1 $3" "./$1" train --quiet --threads "$2" --out "$1.$3" "${@:4}"; }

# The emitted C is the same bytes every time and has no warning.
clean_text() {
    try "emit, $1" "$aec" emit model.ae --schedule $1 -o emitted
    try "emit again, $1" "$aec" emit "$PWD/model.ae" --schedule $1 -o again
    try "the same bytes, $1" cmp emitted/model.c again/model.c
    try "no warning, $1" gcc $strict -O1 -Werror -fopenmp -fsyntax-only emitted/model.c
}

# Of the first batch alone: steps may drive rounding apart.
agree() {
    awk -F '[ ,]' '/^loss/ { l[n++] = $2 } END { d = l[0] - l[1]; m = l[1] < 0 ? -l[1] : l[1]; print l[0], l[1]
        exit !(n == 2 && d * d <= (1e-4 * (m > 1 ? m : 1))^2) }' fast.loss plain64.loss
}

# decode after encode gives the bits of reconstruct. A code does not tell a length.
round_trip() {
    grep -qE '\(\.\.' model.ae && return
    try reconstruct ./fast reconstruct --weights fast.1/model.safetensors -o r.npy
    try encode ./fast encode --weights fast.1/model.safetensors -o z.npy
    try decode ./fast decode z.npy --weights fast.1/model.safetensors -o d.npy
    try "decode after encode is reconstruct" cmp d.npy r.npy
}

one() {
    round=$1
    mkdir -p "$work/$round" && cd "$work/$round" || exit 2
    try generate "$work/make" $round .
    try check "$aec" check model.ae
    clean_text plain
    clean_text fast
    try "build fast" "$aec" build model.ae -o fast
    try "build fast in double" "$aec" build --real f64 model.ae -o fast64
    try "build plain in double" "$aec" build --gradcheck model.ae -o plain64
    for b in fast fast64 plain64; do try "grad $b" ./$b grad --threads 1 -o $b.safetensors; cp said $b.loss; done
    try "gradients, fast and plain" "$work/compare" --grads 1e-9 fast64.safetensors plain64.safetensors
    try "the loss, float and double" agree
    train fast 1 1
    train fast64 1 1
    train plain64 1 1
    try "losses, fast and plain" "$work/compare" --runs 1e-8 fast64.1/metrics.jsonl plain64.1/metrics.jsonl
    for t in 2 3; do
        train fast $t $t
        try "the same bits with $t threads" cmp fast.1/model.safetensors fast.$t/model.safetensors
    done
    try gradcheck ./plain64 gradcheck -n 60
    round_trip
    try eval ./fast eval --json --weights fast.1/model.safetensors
    if [ $((round % 10)) = 0 ]; then
        for schedule in plain fast; do
            try "build $schedule, sanitized" "$aec" build --sanitize --schedule $schedule model.ae -o sanitized
            train sanitized 1 $schedule
            try "eval $schedule, sanitized" ./sanitized eval --json --weights sanitized.$schedule/model.safetensors
        done
    fi
    cd "$work" && rm -rf "${work:?}/$round"
    echo ok
}
export -f try train clean_text agree round_trip one
export strict
seq "$first" "$last" | xargs -P 2 -I{} timeout 200 bash -c 'one {}' > "$work/log" 2>&1
grep -v '^ok$' "$work/log"
passed=$(grep -c '^ok$' "$work/log") failed=$((last - first + 1 - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
