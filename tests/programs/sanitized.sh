#!/usr/bin/env bash
# sanitized.sh AEC FOLDER -- every example through a sanitized compiler; some, and what once went wrong, with sanitized C.
set -u
cd "$(dirname "$0")/../.." || exit 2
aec=$PWD/$1 work=$PWD/$2/sanitized
rm -rf "$work" && mkdir -p "$work"
passed=0 failed=0
try() { local name=$1 said; shift; if said=$("$@" 2>&1); then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'FAILED %s\n%s\n' "$name" "$said" | head -n 12; fi; }
for f in examples/*.ae; do
    for stage in elaborate simplify; do try "$f, $stage" "$aec" show --ir $stage "$f"; done
    try "emit $f" "$aec" emit "$f" -o "$work/emitted"
    try "fmt $f" "$aec" fmt --check "$f"
done
for f in examples/{quickstart,conv,lstm,transformer,rbm,discrete_codes,simclr,sphere_vae}.ae tests/programs/guarded.ae; do
    name=$(basename "$f" .ae)
    for schedule in plain fast; do
        b=$work/$name-$schedule
        try "build $name $schedule" "$aec" build --sanitize --schedule $schedule "$f" -o "$b"
        try "train $name $schedule" "$b" train --quiet --epochs 1 --out "$b.run"
        try "eval $name $schedule" "$b" eval --json --weights "$b.run/model.safetensors"
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
