#!/bin/sh
# contract.sh FOLDER -- contractions against plain loops, for every target that this machine can run.
set -u
cd "$(dirname "$0")/../.." || exit 2
folder=$1 passed=0 failed=0
for target in "-msse2" "-mavx2 -mfma" "-mavx512f -mavx512dq -mfma" "-march=native -DAE_DOUBLE"; do
    case $target in
    *avx512*) grep -q avx512dq /proc/cpuinfo || continue ;;
    *avx2*)   grep -q avx2 /proc/cpuinfo || continue ;;
    esac
    if ${CC:-gcc} -std=gnu11 -O3 -Wall -Wextra -Wpedantic -Werror -ffp-contract=fast -fno-math-errno $target -Iruntime \
        tests/unit/contract_test.c runtime/contract.c -lm -o "$folder/contract_test" && "$folder/contract_test" > "$folder/contract.out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$target:"
        cat "$folder/contract.out"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
