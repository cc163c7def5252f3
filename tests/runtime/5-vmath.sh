# exp and its like in vector code: how exact, for each kind of machine that this one can play, and whether gcc vectorises.
vector_flags="-std=gnu11 -O3 -Wall -Wextra -ffp-contract=fast -fno-math-errno -fno-trapping-math -I$runtime"
for machine in "-msse2" "-mavx2" "-mavx2 -mfma" "-mavx512f -mavx512dq -mfma"; do
    said=$(gcc $vector_flags $machine -fopt-info-vec "$here/vmath.c" -o vmath -lm 2>&1)
    is "vector code $machine" "$(echo "$said" | grep -c "vmath.c:1[56]:.*loop vectorized")" 8
    case "$machine" in *avx512*) grep -q avx512dq /proc/cpuinfo || continue;; *avx2*) grep -q avx2 /proc/cpuinfo || continue;; esac
    out=$(./vmath) && ok || bad "exactness $machine" "$out"
done
