#!/bin/sh
# check.sh quick|all -- every test, a line each; ends with `N passed, N failed`.
#
# quick is for people and takes minutes; all adds the sanitizers, every example's gradients and the recorded models.
set -u
cd "$(dirname "$0")/.." || exit 2
what=${1:-quick}
B=build/tests
mkdir -p "$B"
passed=0 failed=0

count() {           # count NAME LOG: adds what a runner counted in its last line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
    p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    f=$(echo "$line" | sed -n 's/.*passed, \([0-9]*\) failed.*/\1/p')
    if [ -z "$p" ]; then
        p=0 f=1
        tail -n 5 "$2"
    fi
    passed=$((passed + p)) failed=$((failed + f))
    [ "$f" = 0 ] || grep -vE '^(ok|[0-9]+ passed)' "$2" | head -n 40
    printf '%-28s %4d passed, %d failed\n' "$1" "$p" "$f"
}

runner() {          # runner NAME COMMAND...: one that counts for itself
    name=$1
    shift
    "$@" > "$B/$name.log" 2>&1
    count "$name" "$B/$name.log"
}

beside=             # beside NAME COMMAND...: one that runs while others do, most of which leave a core idle; counted by join
beside() {
    name=$1
    shift
    "$@" > "$B/$name.log" 2>&1 &
    beside="$beside $name"
}

join() {
    wait
    for name in $beside; do count "$name" "$B/$name.log"; done
    beside=
}

CC="${CC:-gcc} -std=gnu11 -g -O1 -Wall -Wextra -Wpedantic -Icompiler -Ibuild -Itests/unit"
front="build/base.o build/diag.o build/tokens.o build/print.o build/layout.o build/ae.tab.o build/ae.lex.o"
$CC tests/parse_main.c $front -lm -o "$B/parse_main" || failed=$((failed + 1))
for folder in diagnostics trees layout; do
    runner "golden-$folder" tests/golden.sh tests/golden/$folder "$B/parse_main"
done
for file in prelude/*.ae examples/*.ae examples/templates/*.ae bench/*.ae; do
    build/aec fmt --check "$file" > /dev/null && passed=$((passed + 1)) || failed=$((failed + 1))
done
[ -d tests/golden/semantic ] && runner golden-semantic tests/golden.sh tests/golden/semantic build/aec check
[ -x tests/golden_rows.sh ] && runner golden-rows tests/golden_rows.sh
[ -x docs/check.sh ] && runner docs docs/check.sh "$PWD/build/aec"
beside catalogue tests/catalogue/run.sh build/aec "$B" "$what"
runner unit-passes tests/unit/run.sh passes "$B"
runner unit-emit tests/unit/run.sh emit "$B"
runner contractions tests/unit/contract.sh "$B"
runner runtime tests/runtime/run.sh
runner wrong-gradients tests/programs/wrong.sh build/aec "$B"
runner refused-data tests/programs/refused.sh build/aec "$B"
runner onnx tests/onnx/run.sh build/aec "$B"
runner programs tests/programs/run.sh "$what" build/aec "$B"

if [ "$what" = all ]; then      # once more, with the sanitizers: the compiler, the runtime, the emitted C
    S="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    export ASAN_OPTIONS=detect_leaks=0
    make -s -j2 B=build/sanitized CFLAGS="-std=gnu11 -O1 -g $S" LDFLAGS="$S" > "$B/sanitized.log" 2>&1 || failed=$((failed + 1))
    beside sanitized-examples tests/programs/sanitized.sh build/sanitized/aec "$B"
    runner sanitized-semantic tests/golden.sh tests/golden/semantic build/sanitized/aec check
    AE_TEST_FLAGS="$S" runner sanitized-runtime tests/runtime/run.sh
    sanitized_front="build/sanitized/base.o build/sanitized/diag.o build/sanitized/tokens.o build/sanitized/print.o build/sanitized/layout.o build/sanitized/ae.tab.o build/sanitized/ae.lex.o"
    if $CC $S tests/fuzz/parse_fuzz.c $sanitized_front -lm -o "$B/parse_fuzz" \
        && "$B/parse_fuzz" 5000 prelude/*.ae tests/golden/*/*.ae > "$B/fuzz.log" 2>&1; then passed=$((passed + 1))
    else failed=$((failed + 1)); tail -n 5 "$B/fuzz.log"; fi
    join
    runner random-models tests/fuzz/models.sh build/aec "$B" 1 12
fi
join
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
