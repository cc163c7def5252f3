#!/usr/bin/env bash
# wrong.sh AEC FOLDER -- the checker is itself checked: wrong gradients, put in on purpose, are caught.
#
# Each statement of the backward functions of a small model is made wrong by one part in ten thousand, one at a
# time; `gradcheck` must fail every time, and pass on the program as it was.
set -u
cd "$(dirname "$0")/../.." || exit 2
aec=$PWD/$1 work=$PWD/$2/wrong
rm -rf "$work" && mkdir -p "$work"
passed=0 failed=0
cat > "$work/small.ae" <<'AE'
ae 1
model small

input x : image(1, 8, 8)

data {
    train = digits()
    scale = 0..1
}

encoder {
    conv(2, kernel = 3, stride = 2)
    tanh
    flatten
}
bottleneck z ~ gaussian(3)
decoder { dense(64) reshape(1, 8, 8) }

reconstruct x ~ bernoulli
regularize { kl(z) * 0.5 }

train { batch = 8 }
AE
"$aec" build --gradcheck --keep -v "$work/small.ae" -o "$work/bin" > "$work/log" 2>&1 || { cat "$work/log"; echo "0 passed, 1 failed"; exit 1; }
mv "$(sed -n 's/^aec: the C is in //p' "$work/log")" "$work/c" || exit 1
runtime=$(sed -n 's|.*model\.o \(/.*/runtime\.o\) .*|\1|p' "$work/log")
gradcheck() { gcc -std=gnu11 -O1 -DAE_DOUBLE -ffp-contract=fast -fopenmp -I"${runtime%/*}" "$1" "$runtime" -lpng -lz -lm -o "$work/bin" && "$work/bin" gradcheck > "$work/log" 2>&1; }
if gradcheck "$work/c/model.c"; then passed=1; else failed=1; echo "FAILED as it was: $(tail -n 2 "$work/log")"; fi
lines=$(awk '/^static void [a-z0-9_]*back[0-9]*\(/ { in_back = 1 } /^}/ { in_back = 0 } in_back && / \+?= .*;$/ && !/for \(/ && !/= 0(\.0)?;$/ { print NR }' "$work/c/model.c")
for n in $lines; do
    sed "${n}s/ = \(.*\);$/ = 1.0001 * (\1);/; ${n}s/ += \(.*\);$/ += 1.0001 * (\1);/" "$work/c/model.c" > "$work/c.wrong"
    cmp -s "$work/c/model.c" "$work/c.wrong" && continue
    cp "$work/c.wrong" "$work/wrong.c"
    if gradcheck "$work/wrong.c"; then
        failed=$((failed + 1))
        echo "FAILED not caught, line $n: $(sed -n "${n}p" "$work/wrong.c")"
    else
        passed=$((passed + 1))
    fi
done
[ "$passed" -gt 10 ] || { echo "FAILED: only $passed statements were tried"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
