#!/usr/bin/env bash
# run.sh -- the runtime with a model written by hand: readers, training, resuming, commands, files, failures.
# Builds into a folder of its own; prints what failed, then `N passed, N failed`.
# AE_TEST_FLAGS adds compiler flags: AE_TEST_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover" for a checked run.
set -u
here=$(cd "$(dirname "$0")" && pwd)
runtime=$(cd "$here/../../runtime" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export ASAN_OPTIONS=detect_leaks=0      # data stays in memory to the end
export OMP_WAIT_POLICY=passive
passed=0 failed=0

ok()   { passed=$((passed + 1)); }
bad()  { failed=$((failed + 1)); printf 'FAILED %s\n' "$1"; [ $# -gt 1 ] && printf '  %s\n' "$2"; }
is()   { if [ "$2" = "$3" ]; then ok; else bad "$1" "got: $2"; printf '  want: %s\n' "$3"; fi; }
same() { if cmp -s "$2" "$3"; then ok; else bad "$1" "$2 and $3 differ"; fi; }
has()  { case "$2" in *"$3"*) ok;; *) bad "$1" "got: $2"; printf '  want: ...%s...\n' "$3";; esac; }
# near A B R: they differ by less than R of B, which is positive
near() { awk -v a="$1" -v b="$2" -v r="$3" 'BEGIN { d = a - b; exit !((d < 0 ? -d : d) < r * b) }'; }
# fails NAME STATUS MESSAGE COMMAND...: the command ends with the status and says the message on stderr
fails() {
    local name=$1 status=$2 message=$3 said got; shift 3
    said=$("$@" 2>&1 >/dev/null); got=$?
    if [ "$got" = "$status" ]; then has "$name" "$said" "$message"; else bad "$name" "status $got, wanted $status: $said"; fi
}

flags="-std=gnu11 -O1 -g -Wall -Wextra -ffp-contract=off -I$runtime ${AE_TEST_FLAGS:-}"
libraries="-lpng -lz -lm"
mkdir obj obj64
compile() { local to=$1; shift; for f in "$runtime"/*.c; do gcc $flags "$@" -c "$f" -o "$to/$(basename "$f" .c).o" || exit 1; done; }
compile obj -fopenmp -DAE_HAVE_ZLIB -DAE_HAVE_PNG & compile obj64 -DAE_DOUBLE -DAE_HAVE_ZLIB -DAE_HAVE_PNG & wait
hand() { local out=$1; shift; gcc $flags -O2 -ftree-vectorize -fopenmp "$@" "$here/hand_model.c" obj/*.o -o "$out" $libraries || exit 1; }
hand hand
hand early -DHAND_STOP=2
hand gather -DHAND_ACCUMULATE=3
hand diverge -DHAND_DIVERGE=7
hand csv -DHAND_LABELS=60 '-DHAND_KIND="csv"' '-DHAND_FILES=(const char *const[]) { "d.csv" }, 1' \
    '-DHAND_ARGS=(const AeSetting[]) { { "target", "digit", { 0 }, 0 } }, 1'
hand npy -DHAND_LABELS=60 '-DHAND_KIND="npy"' '-DHAND_FILES=(const char *const[]) { "x.npy", "y.npy" }, 2' '-DHAND_ARGS=NULL, 0'
hand standard -DHAND_LABELS=60 '-DHAND_KIND="npy"' '-DHAND_FILES=(const char *const[]) { "x.npy", "y.npy" }, 2' '-DHAND_ARGS=NULL, 0' \
    '-DHAND_SCALE="standard", { 0 }, 0'
hand npz -DHAND_LABELS=60 '-DHAND_KIND="npz"' '-DHAND_FILES=(const char *const[]) { "d.npz" }, 1' '-DHAND_ARGS=NULL, 0'
hand idx -DHAND_LABELS=60 '-DHAND_KIND="idx"' '-DHAND_FILES=(const char *const[]) { "x.idx", "y.idx" }, 2' '-DHAND_ARGS=NULL, 0'
hand png -DHAND_LABELS=60 '-DHAND_KIND="png"' '-DHAND_FILES=(const char *const[]) { "images" }, 1' '-DHAND_ARGS=NULL, 0'
gcc $flags "$here/tool.c" -o tool $libraries -ljansson || exit 1
gcc $flags -DAE_DOUBLE "$here/hand_model.c" obj64/*.o -o hand64 $libraries || exit 1
mkdir unit_obj && cp obj/*.o unit_obj && rm unit_obj/main.o
gcc $flags -fopenmp "$here/unit.c" "$here/unit_stub.c" unit_obj/*.o -o unit $libraries || exit 1

# ---- numbers
out=$(./unit) && ok || bad "unit tests" "$out"

for part in "$here"/[0-9]*.sh; do . "$part"; done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
