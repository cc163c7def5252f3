#!/bin/sh
# check.sh [AEC] -- runs `aec check` on every block of these pages that is marked `ae`.
#
# A block need not be a whole file: what it leaves out (an input, data, an encoder ...) is written around it.
cd "$(dirname "$0")" || exit 2
aec=${1:-../build/aec}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
for page in *.md ../grammar/README.md; do
    [ -e "$page" ] || continue
    rm -f "$work"/*.ae
    awk -v out="$work" '/^```ae$/ { file = sprintf("%s/%03d.ae", out, NR); print "# line " NR > file; next }
                        /^```/ { file = "" } file { print > file }' "$page"
    for block in "$work"/*.ae; do
        [ -e "$block" ] || continue
        has() { grep -qE "^ *$1( |\$)" "$block"; }
        has model || echo "model page" >> "$block"
        has input || echo "input x : image(1, 8, 8)" >> "$block"
        has label || echo "label y : class(10)" >> "$block"
        has data || echo "data { train = digits() scale = 0..1 }" >> "$block"
        has encoder || echo "encoder { flatten dense(16) tanh as h }" >> "$block"
        has decoder || has pretext || has downstream || echo "decoder { dense(64) reshape(1, 8, 8) }" >> "$block"
        has reconstruct || has pretext || has downstream || echo "reconstruct x by mse" >> "$block"
        has train || echo "train { }" >> "$block"
        if "$aec" check "$block" > "$work/said" 2>&1; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "$page, $(head -n 1 "$block" | cut -c3-):"
            sed 's/^/    /' "$work/said"
        fi
    done
done
if "$aec" doc > "$work/list" && ! grep -q null "$work/list" && [ "$("$aec" doc dens 2>&1)" = 'aec: nothing is called `dens`; did you mean `dense`?' ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "aec doc lists what has no name"
fi
if [ "$("$aec" doc cd 2>&1)" = 'aec: nothing is called `cd`; it stands in `rbm`' ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "aec doc does not tell what names a term"
fi
if grep -q ' \.$' "$work/list"; then        # "0 .. k - 1" is no end of a sentence
    failed=$((failed + 1))
    echo "aec doc ends within a sentence"
else
    passed=$((passed + 1))
fi
for file in ../prelude/*.ae; do         # what the reference does not name, `aec doc` does not know
    if grep -q "($file)" reference.md; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "docs/reference.md does not name $file"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
