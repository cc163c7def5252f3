#!/usr/bin/env bash
# run.sh quick|all AEC FOLDER -- whole programs: every example, from its text to what it states that it reaches.
#
# An example says what it reaches in a line that is read here:
#     # reaches: test/loss < 25.4, test/digit.accuracy > 0.9
# quick takes the short list below; all takes every example, in every build.
set -u
cd "$(dirname "$0")/../.." || exit 2
what=$1 aec=$PWD/$2 folder=$PWD/$3
root=$PWD
work=$folder/programs
rm -rf "$work" && mkdir -p "$work"
export OMP_WAIT_POLICY=passive
passed=0 failed=0
ok()  { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf 'FAILED %s\n' "$1"; [ $# -gt 1 ] && printf '%s\n' "$2" | head -n 6 | sed 's/^/    /'; }
try() { local name=$1 said; shift; if said=$("$@" 2>&1); then ok; else bad "$name" "$said"; fi; }
same() { if cmp -s "$2" "$3"; then ok; else bad "$1" "$2 and $3 differ"; fi; }

quick_list="quickstart dense conv lstm tied rbm classifier"
if [ "$what" = quick ]; then list=$quick_list; else list=$(ls examples/*.ae | xargs -n1 basename | sed 's/\.ae$//'); fi
needs_missing() {       # the data of another package that is not in place
    grep -oE '"[^"]*data/(mnist|fashion-mnist)/[^"]*"' "examples/$1.ae" | tr -d '"' | while read -r f; do
        [ -e "examples/$f" ] || { echo "$f"; break; }
    done
}

# ---- every example goes through the front end ------------------------------------------------------------
for f in examples/*.ae; do
    try "check $f" "$aec" check "$f"
done

# ---- what an example states, it reaches -------------------------------------------------------------------
reaches() {         # reaches NAME: trains and compares
    local name=$1 line claim metric op bar got
    line=$(sed -n 's/^# reaches: //p' "examples/$name.ae" | head -n 1)
    case $line in ''|*'to be measured'*) bad "$name states nothing that it reaches"; return;; esac
    "$aec" build "examples/$name.ae" -o "$work/$name" > "$work/log" 2>&1 || { bad "build $name" "$(cat "$work/log")"; return; }
    "$work/$name" train --quiet --out "$work/$name.run" > "$work/log" 2>&1 || { bad "train $name" "$(cat "$work/log")"; return; }
    "$work/$name" eval --json --weights "$work/$name.run/model.safetensors" > "$work/$name.json" 2> "$work/log" \
        || { bad "eval $name" "$(cat "$work/log")"; return; }
    echo "$line" | tr ',' '\n' | while read -r metric op bar; do
        [ -n "$metric" ] || continue
        got=$(tr -d '{}"' < "$work/$name.json" | tr ',' '\n' | sed -n "s|^ *$metric: *||p")
        awk -v a="$got" -v b="$bar" -v op="$op" 'BEGIN { exit !(a != "" && (op == "<" ? a + 0 < b + 0 : a + 0 > b + 0)) }' \
            || echo "$metric is '$got', stated $op $bar"
    done > "$work/claims"
    if [ -s "$work/claims" ]; then bad "$name does not reach what it states" "$(cat "$work/claims")"; else ok; fi
}
for name in $list; do
    [ -z "$(needs_missing "$name")" ] || { echo "skipped $name: $(needs_missing "$name") is missing, \`make data\` brings it"; continue; }
    reaches "$name"
done

# ---- gradients against central differences, in double ---------------------------------------------------------
gradcheck() {
    "$aec" build --gradcheck "examples/$1.ae" -o "$work/$1-f64" > "$work/$1.log" 2>&1 \
        && timeout 300 "$work/$1-f64" gradcheck > "$work/$1.log" 2>&1
}
for name in $list; do
    [ -z "$(needs_missing "$name")" ] || continue
    if gradcheck "$name"; then ok; else bad "gradcheck $name" "$(tail -n 4 "$work/$name.log")"; fi
done

# ---- fast in float against plain in double: the loss after one step -----------------------------------------------
loss_of() { sed -n 's/^loss \([^,]*\),.*/\1/p'; }
for name in $list; do
    [ -x "$work/$name" ] && [ -x "$work/$name-f64" ] || continue
    a=$("$work/$name" grad -o "$work/a.safetensors" 2>&1 | loss_of)
    b=$("$work/$name-f64" grad -o "$work/b.safetensors" 2>&1 | loss_of)
    if awk -v a="$a" -v b="$b" 'BEGIN { d = a - b; s = b < 0 ? -b : b; exit !(a != "" && (d < 0 ? -d : d) <= 1e-4 * (s > 1 ? s : 1)) }'; then ok
    else bad "$name: fast in float gives $a, plain in double $b"; fi
done

# ---- same file, seed and data: same bits, for any number of threads -------------------------------------------------
for name in $list; do
    [ -x "$work/$name" ] || continue
    [ "$what" = all ] || case $name in quickstart|conv) ;; *) continue;; esac
    good=yes
    for t in 1 2 3 5; do
        "$work/$name" train --quiet --epochs 2 --threads $t --out "$work/t$t" > "$work/log" 2>&1 || { good="threads $t: $(cat "$work/log")"; break; }
        cmp -s "$work/t1/model.safetensors" "$work/t$t/model.safetensors" || { good="threads $t: other bits than with 1"; break; }
    done
    if [ "$good" = yes ]; then ok; else bad "$name: $good"; fi
    rm -rf "$work"/t[1235]
done

# ---- emitted C: the same bytes, no warning, and a C compiler and libm are enough ---------------------------------------
for name in $list; do
    for schedule in plain fast; do
        rm -rf "$work/e1" "$work/e2"
        "$aec" emit "examples/$name.ae" --schedule $schedule -o "$work/e1" > "$work/log" 2>&1 || { bad "emit $name" "$(cat "$work/log")"; continue; }
        (cd examples && "$aec" emit "./$name.ae" --schedule $schedule -o "$work/e2") > "$work/log" 2>&1
        same "emit $name twice" "$work/e1/model.c" "$work/e2/model.c"
        try "emitted $schedule $name without a warning" gcc -std=gnu11 -O1 -Wall -Wextra -Wpedantic -Werror -fopenmp -fsyntax-only "$work/e1/model.c"
    done
done
"$aec" emit examples/quickstart.ae --schedule plain -o "$work/taken" && make -s -C "$work/taken" > "$work/log" 2>&1 \
    && "$work/taken/quickstart" train --quiet --epochs 1 --out "$work/taken/run" > "$work/log" 2>&1
if [ $? = 0 ]; then ok; else bad "make in an emitted folder" "$(cat "$work/log")"; fi

# ---- recorded models: what PyTorch made of them ----------------------------------------------------------------------------
gcc -std=gnu11 -O1 -Wall -Wextra tests/parity/compare.c -o "$work/compare" -ljansson -lm 2> "$work/log" || bad "tests/parity/compare.c" "$(cat "$work/log")"
names=
[ "$what" = quick ] && names="dense_ae vae nt_xent"
have=
for n in $names; do [ -e "tests/parity/$n.json" ] && have="$have $n"; done
tests/parity/run.sh "$aec" "$work/compare" $have > "$work/parity" 2>&1
passed=$((passed + $(grep -c '^ok' "$work/parity")))
while read -r line; do bad "parity: $line"; done < <(grep '^FAIL' "$work/parity")

echo "$passed passed, $failed failed"
[ $failed = 0 ]
