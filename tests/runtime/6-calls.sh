# calls that gcc must not leave out, compiled as models are
for real in "" -DAE_DOUBLE; do
    gcc -std=gnu11 -O3 -Wall -Wextra -Wpedantic -Werror -fopenmp -I"$runtime" $real -O2 -ftree-vectorize -fvect-cost-model=dynamic "$here/calls.c" -o calls -lm \
        && out=$(./calls) && ok || bad "calls $real" "$out"
done
