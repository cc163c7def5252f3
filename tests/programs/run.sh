#!/usr/bin/env bash
# run.sh quick|all AEC FOLDER -- whole programs: every example, from its text to what it states that it reaches.
#
# An example says what it reaches in a line that is read here:
#     # reaches: test/loss < 25.4, test/digit.accuracy > 0.9
# quick takes the short list below; all takes every example. Two examples are tried at a time.
set -u
cd "$(dirname "$0")/../.." || exit 2
export what=$1 aec=$PWD/$2 folder=$PWD/$3
export work=$folder/programs
rm -rf "$work" && mkdir -p "$work"
export OMP_WAIT_POLICY=passive

ok()  { echo ok; }
bad() { printf 'FAILED %s\n' "$1"; [ $# -gt 1 ] && printf '%s\n' "$2" | head -n 6 | sed 's/^/    /'; }
try() { local name=$1 said; shift; if said=$("$@" 2>&1); then ok; else bad "$name" "$said"; fi; }

missing() {         # the first file of another package that the example needs and that is not in place
    grep -oE '"../data/(mnist|fashion-mnist|lee|tables|scenes)/[^"]*"' "examples/$1.ae" | tr -d '"' | while read -r f; do
        [ -e "examples/$f" ] || { echo "$f"; break; }
    done
}

# What an example states, it reaches.
reaches() {
    local name=$1 line claim metric op bar got
    line=$(sed -n 's/^# reaches: //p' "examples/$name.ae" | head -n 1)
    case $line in ''|*'to be measured'*) bad "$name states nothing that it reaches"; return;; esac
    "$dir/fast" train --quiet --threads 1 --out "$dir/run" > "$dir/log" 2>&1 || { bad "train $name" "$(tail -n 3 "$dir/log")"; return; }
    "$dir/fast" eval --json --weights "$dir/run/model.safetensors" > "$dir/eval.json" 2> "$dir/log" \
        || { bad "eval $name" "$(cat "$dir/log")"; return; }
    echo "$line" | sed 's/\([<>] *[^ ,]*\), */\1\n/g' | while read -r claim; do
        metric=${claim% [<>] *} bar=${claim##* } op=${claim#"$metric "}
        got=$(tr -d '{}' < "$dir/eval.json" | sed 's/, "/\n"/g' | awk -v m="\"$metric\": " 'index($0, m) == 1 { print substr($0, length(m) + 1) }')
        awk -v a="$got" -v b="$bar" -v op="${op%% *}" 'BEGIN { exit !(a ~ /^-?[0-9]/ && (op == "<" ? a + 0 < b + 0 : op == ">" && a + 0 > b + 0)) }' \
            || echo "$metric is '$got', stated ${op%% *} $bar"
    done > "$dir/claims"
    if [ -s "$dir/claims" ]; then bad "$name does not reach what it states" "$(cat "$dir/claims")"; else ok; fi
}

# Fast in float against plain in double: the loss after one step.
agrees() {
    local name=$1 a b
    a=$("$dir/fast" grad -o "$dir/a.safetensors" 2>&1 | sed -n 's/^loss \([^,]*\),.*/\1/p')
    b=$("$dir/f64" grad -o "$dir/b.safetensors" 2>&1 | sed -n 's/^loss \([^,]*\),.*/\1/p')
    if awk -v a="$a" -v b="$b" 'BEGIN { d = a - b; s = b < 0 ? -b : b; exit !(a != "" && b != "" && (d < 0 ? -d : d) < 1e-4 * (s > 1 ? s : 1)) }'; then ok
    else bad "$name: fast in float gives $a, plain in double $b"; fi
}

# decode after encode gives the bits of reconstruct, where the model has a decoder that reads nothing but the code.
round_trip() {
    local name=$1 w="--weights $dir/run/model.safetensors"
    [ -e "$dir/run/model.safetensors" ] || return
    "$dir/fast" reconstruct $w -o "$dir/r.npy" > "$dir/log" 2>&1 || return     # none: an RBM, a classifier
    "$dir/fast" encode $w -o "$dir/z.npy" > "$dir/log" 2>&1 && "$dir/fast" decode "$dir/z.npy" $w -o "$dir/d.npy" > "$dir/log" 2>&1 \
        || { grep -q "reads more of a row than its code" "$dir/log" && ok || bad "decode $name" "$(cat "$dir/log")"; return; }
    if cmp -s "$dir/d.npy" "$dir/r.npy"; then ok
    elif grep -q '(\.\.' "examples/$name.ae" && tail -c 1000 "$dir/d.npy" | tr -d '\0' | grep -q .; then ok   # a code does not tell a length
    else bad "$name: decode after encode is not reconstruct"; fi
}

# The report of the quickstart shows what it draws.
reported() {
    [ "$1" = quickstart ] || return
    try "samples in the report" grep -q '<figcaption>Samples from the prior</figcaption><img' "$dir/run/report.html"
}

# The same bits for any number of threads.
same_bits() {
    local name=$1 t
    for t in 1 2 3 5; do
        "$dir/fast" train --quiet --epochs 1 --threads $t --out "$dir/t$t" > "$dir/log" 2>&1 || { bad "$name with $t threads" "$(cat "$dir/log")"; return; }
        cmp -s "$dir/t1/model.safetensors" "$dir/t$t/model.safetensors" || { bad "$name: other bits with $t threads than with 1"; return; }
    done
    ok
}

# Emitted C is the same bytes every time and has no warning.
clean_text() {
    local name=$1 schedule
    for schedule in plain fast; do
        "$aec" emit "examples/$name.ae" --schedule $schedule -o "$dir/e1" > "$dir/log" 2>&1 || { bad "emit $name" "$(cat "$dir/log")"; continue; }
        (cd examples && "$aec" emit "./$name.ae" --schedule $schedule -o "$dir/e2") > "$dir/log" 2>&1
        if cmp -s "$dir/e1/model.c" "$dir/e2/model.c"; then ok; else bad "emit $name twice: other bytes"; fi
        try "emitted $schedule $name without a warning" gcc -std=gnu11 -O1 -Wall -Wextra -Wpedantic -Werror -fopenmp -fsyntax-only "$dir/e1/model.c"
    done
}

one() {
    local name=$1
    dir=$work/$name
    mkdir -p "$dir"
    try "check $name" "$aec" check "examples/$name.ae"
    [ -z "$(missing "$name")" ] || { echo "skipped $name: $(missing "$name") is missing, \`make data\` brings it"; return; }
    clean_text "$name"
    if "$aec" build "examples/$name.ae" -o "$dir/fast" > "$dir/log" 2>&1; then ok; else bad "build $name" "$(cat "$dir/log")"; return; fi
    grep -q "| examples/$name.ae |" tests/results/list.txt && return        # minutes: `make results` has it
    reaches "$name"
    reported "$name"
    round_trip "$name"
    same_bits "$name"
    if "$aec" build --gradcheck "examples/$name.ae" -o "$dir/f64" > "$dir/log" 2>&1; then ok; else bad "build the twin of $name" "$(cat "$dir/log")"; return; fi
    if timeout 300 "$dir/f64" gradcheck > "$dir/log" 2>&1; then ok; else bad "gradcheck $name" "$(tail -n 4 "$dir/log")"; fi
    agrees "$name"
    rm -rf "$dir"/t[1235] "$dir"/e[12] "$dir/fast" "$dir/f64"
}
export -f ok bad try missing reaches round_trip agrees reported same_bits clean_text one

if [ "$what" = quick ]; then list="quickstart dense conv lstm tied rbm classifier"
else list=$(ls examples/*.ae | xargs -n1 basename | sed 's/\.ae$//'); fi
"$aec" build examples/quickstart.ae -o "$work/warm" > /dev/null 2>&1            # compiles the runtime once
if PATH=/nowhere "$(realpath "$aec")" build examples/quickstart.ae -o "$work/again" > "$work/again.log" 2>&1 && cmp -s "$work/warm" "$work/again" \
    && [ -x "$work/again" ]; then ok; else bad "a build of what was built needs no C compiler" "$(cat "$work/again.log")"; fi
"$aec" build --gradcheck examples/quickstart.ae -o "$work/warm" > /dev/null 2>&1
printf '%s\n' $list | xargs -P 2 -I{} bash -c 'one {} > "$work/{}.result" 2>&1'

for file in examples/templates/*.ae; do         # what `aec new` starts from
    try "check $file" "$aec" check "$file"
done > "$work/templates.result"
said=$(cd "$work" && "$aec" new "two words" | tail -n 1)
if [ "$said" = "Try \`aec run 'two words.ae'\`, then \`aec run 'two words.ae' -- sample -o digits.png\`." ]; then ok; else bad "aec new says what to type" "$said"; fi >> "$work/templates.result"

try "loops alike under a local" "$aec" build tests/programs/alike.ae -o "$work/alike" > "$work/alike.result"
try "words that are not taken" tests/programs/usage.sh "$aec" "$work/usage" > "$work/usage.result"
try "the clock outside of training" tests/programs/clock.sh "$aec" "$work/clock" > "$work/clock.result"
try "numbers too small to matter" tests/programs/denormals.sh "$aec" "$work/denormals" > "$work/denormals.result"
try "a loss that is not finite" tests/programs/diverges.sh "$aec" "$work/diverges" > "$work/diverges.result"
try "tables by rows" tests/programs/rows.sh "$aec" "$work/rows" > "$work/rows.result"
[ "$what" = quick ] || try "aec tune" tests/programs/tune.sh "$aec" "$work/tune" > "$work/tune.result"
try "what is computed once" tests/programs/once.sh "$aec" "$work/once" > "$work/once.result"

if command -v mpicc > /dev/null && command -v mpirun > /dev/null; then try "several ranks" tests/programs/mpi.sh "$aec" "$work/mpi"
else echo "skipped several ranks: mpicc is missing, \`apt-get install libopenmpi-dev openmpi-bin\` brings it"; fi > "$work/mpi.result"

{   # the time of each statement, by its line
    "$aec" run examples/quickstart.ae -- bench --profile --seconds 0.1 > "$work/profile" \
        && grep -q '[1-9] *[0-9.]*  quickstart.ae:15  dense(128)  backward$' "$work/profile"
} > "$work/log" 2>&1 && ok > "$work/profile.result" || bad "bench --profile" "$(tail -n 5 "$work/log" "$work/profile")" > "$work/profile.result"

{   # a folder to take away: a C compiler and libm are enough
    "$aec" emit examples/quickstart.ae --schedule plain -o "$work/taken" && make -s -C "$work/taken" CC="$PWD/tests/cc" \
        && "$work/taken/quickstart" train --quiet --epochs 1 --out "$work/taken/run"
} > "$work/log" 2>&1 && ok > "$work/taken.result" || bad "make in an emitted folder" "$(tail -n 5 "$work/log")" > "$work/taken.result"

if [ "$what" != quick ]; then   # the same as a library, called from C
    {
        make -s -j2 -C "$work/taken" CC="$PWD/tests/cc" libquickstart.a && gcc -std=gnu11 -O1 -Wall -Wextra -I "$work/taken" bench/infer.c \
            "$work/taken/libquickstart.a" -fopenmp -lm -o "$work/infer" && echo 0.01 | "$work/infer" reconstruct 4 > "$work/calls" \
            && grep -q '"samples_per_s": [1-9]' "$work/calls"
    } > "$work/log" 2>&1 && ok > "$work/library.result" || bad "a library of an emitted folder" "$(tail -n 5 "$work/log")" > "$work/library.result"
fi

# What PyTorch made of the recorded models.
gcc -std=gnu11 -O1 -Wall -Wextra tests/parity/compare.c -o "$work/compare" -ljansson -lm 2> "$work/log" || bad "tests/parity/compare.c" "$(cat "$work/log")" > "$work/c.result"
if [ "$what" = quick ]; then names="dense_ae vae nt_xent"; else names=$(ls tests/parity/*.json | xargs -n1 basename | sed 's/\.json$//'); fi
printf '%s\n' $names | xargs -P 2 -I{} bash -c 'tests/parity/run.sh "$aec" "$work/compare" {} > "$work/{}.parity" 2>&1'
cat "$work"/*.parity | grep '^ok' > "$work/parity.result"
cat "$work"/*.parity | grep -v '^ok' | sed 's/^FAIL/FAILED parity:/' >> "$work/parity.result"

cat "$work"/*.result | grep -v '^ok'
passed=$(cat "$work"/*.result | grep -c '^ok')
failed=$(cat "$work"/*.result | grep -c '^FAILED')
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
