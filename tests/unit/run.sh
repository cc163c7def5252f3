#!/bin/sh
# run.sh passes|emit FOLDER -- builds a unit test from the compiler's objects and runs it; counts one test a case.
set -u
cd "$(dirname "$0")/../.." || exit 2
which=$1 folder=$2
extra=
[ "$which" = emit ] && extra="runtime/philox.c runtime/special.c -Iruntime"
objects=            # all but what stands on the driver
for object in build/*.o; do
    case $object in build/embedded.o) continue ;; esac
    grep -qE '"(driver|commands)\.h"' "compiler/$(basename "$object" .o).c" 2> /dev/null || objects="$objects $object"
done
${CC:-gcc} -std=gnu11 -g -O1 -Wall -Wextra -Wpedantic -Icompiler -Ibuild -Itests/unit \
    tests/unit/${which}_test.c tests/unit/interp.c tests/unit/text.c $extra $objects -lm -o "$folder/${which}_test" || exit 1
cases=$(grep -cE '^ *\{ "[a-z0-9_-]+", *(-?[0-9]+,|$)' tests/unit/${which}_test.c)
[ "$which" = passes ] && cases=$(grep -cE '^ *\{ *"' tests/unit/passes_cases.h)
if "$folder/${which}_test" > "$folder/${which}.out" 2>&1; then
    echo "$cases passed, 0 failed"
else
    cat "$folder/${which}.out"
    wrong=$(grep -cE '^FAIL|wrong|differs' "$folder/${which}.out")
    [ "$wrong" -gt 0 ] || wrong=1
    echo "$((cases > wrong ? cases - wrong : 0)) passed, $wrong failed"
    exit 1
fi
