# latent.sh -- items 26 to 31, 37 to 57 and 93 to 97: likelihoods and latents. Read by run.sh, whose functions it uses.

gcc -std=gnu11 -O2 -Wall -Wextra -Wpedantic "$here/reference.c" -o reference -lm || bad "reference.c"

# ---- 31: the sphere ------------------------------------------------------------------------------------------
unit() { local k; printf 1; for ((k = 1; k < $1; k++)); do printf ,0; done; }       # the first axis of $1
raw() { awk -v k="$1" 'BEGIN { k -= 0.001; printf "%.17g", (k > 30 ? k : log(exp(k) - 1)) }'; }    # kappa = softplus(raw) + 0.001
towards() {     # towards M KAPPA: the weights that set mu to the first axis, and kappa
    "$tool" weights w.safetensors z.d.dense1.w 1,$1 0 z.d.dense1.b $1 "$(unit $1)" z.c.dense1.w 1,1 0 z.c.dense1.b 1 "$(raw $2)"
    bend=$(awk -v c="$(raw $2)" 'BEGIN { printf "%.15g", 1 + exp(-c) }')      # 1 / (d kappa / d raw)
}
drawn() {       # drawn BINARY: mean of z[0], its standard error, its slope by kappa, the error of that; of 200,000 draws
    for seed in 1 2 3 4 5 6 7 8 9 10; do
        grad "$1" --weights w.safetensors --phase first --seed $seed
        echo "$(of loss) $(awk "BEGIN { print $(of z.c.dense1.b) * $bend }")"
    done | awk '{ a += $1; b += $2; c += $1 * $1; d += $2 * $2 } END { a /= NR; b /= NR
        print a, sqrt((c / NR - a * a) / (NR - 1)), b, sqrt((d / NR - b * b) / (NR - 1)) }'
}
"$tool" npy rows.npy 1000,1 0
for at in "3 2 0.479409" "5 2 0.342699" "11 10 2.438345" "21 100 17.350562"; do
    set -- $at
    build sphere sphere$1 --real f64 -D m=$1 || continue
    towards $1 $2
    read -r mean turn kl <<< "$(./reference sphere $1 $2)"
    grad sphere$1 --weights w.safetensors --phase exact
    near "31: kl at m = $1, kappa = $2" "$(of loss)" $3 1e-6
    holds "31: its slope by kappa" "($(of z.c.dense1.b) * $bend - $2 * $turn)^2 < 1e-14"
    grad sphere$1 --weights w.safetensors --phase length
    near "31: draws of m = $1 have length 1" "$(of loss)" 0 1e-6
    read -r got error slope doubt <<< "$(drawn sphere$1)"
    holds "31: the mean of draws at m = $1 is A = $mean, not $got" "($got - $mean)^2 <= 12 * $error^2"
    holds "31: its slope by kappa is $turn, not $slope" "$doubt > 0 && $doubt < 0.02 * $turn && ($slope - $turn)^2 <= 12 * $doubt^2"
done
towards 3 2
grad sphere3 --weights w.safetensors --phase exact
near "31: the closed form of m = 3" "$(of loss)" "$(awk 'BEGIN { c = (exp(2) + exp(-2)) / 2; s = (exp(2) - exp(-2)) / 2; printf "%.9g", 2 * c / s - 1 + log(2 / s) }')" 1e-6
# The widely copied recipe differentiates the accepted proposal and leaves out that acceptance moves with kappa.
{ sed -n '/^latent vmf/,/^}/p' "$here/../../prelude/latents.ae" | sed -e 's/^latent vmf/latent pathwise/' \
    -e 's|^\( *\)w\[n\] = .*|\1kept[n] = stop(t[n, last(r)])\n\1w[n] = (1 - (1 + b[n]) * (1 + kept[n])/2) / (1 - (1 - b[n]) * (1 + kept[n])/2)|'
  sed 's/vmf(m/pathwise(m/' sphere.ae; } > pathwise.part
{ echo 'ae 1'; grep -v '^ae 1' pathwise.part; } > pathwise.ae
build pathwise pathwise5 --real f64 -D m=5 && {
    towards 5 2
    read -r got error slope doubt <<< "$(drawn pathwise5)"
    holds "31: draws without the correction have the same mean" "(${got:-9} - 0.361107)^2 <= 12 * $error^2"
    holds "31: and the slope 0.127662, which is wrong" "(${slope:-9} - 0.127662)^2 <= 12 * $doubt^2 && ($slope - 0.147389)^2 > 100 * $doubt^2"
}
# Float, over seven decades of kappa: nothing but numbers, near those of quadrature.
for m in $([ "$what" = all ] && echo 2 3 5 10 20 40 64 || echo 2 64); do
    build kappa kappa$m -D m=$m || continue
    "$tool" weights w.safetensors z.d.dense1.w 1,$m 0 z.d.dense1.b $m "$(unit $m)" z.c.dense1.w 1,1 1 z.c.dense1.b 1 0
    list="0.001001 0.01 0.1 1 10 100 1000 10000"
    "$tool" npy kappa.npy 8,1 $(for k in $list; do raw $k; echo; done)
    ./kappa$m score --weights w.safetensors --split train -o kl.csv > log 2>&1 || bad "31: scores at m = $m" "$(cat log)"
    grad kappa$m --weights w.safetensors
    slope=0 at=1
    for k in $list; do
        read -r mean turn kl <<< "$(./reference sphere $m $k)"
        at=$((at + 1))
        holds "31: kl in float at m = $m, kappa = $k" "($(sed -n ${at}p kl.csv) - $kl)^2 <= (2e-5 + 2e-4 * $kl)^2"
        slope=$(awk "BEGIN { c = $(raw $k); print $slope + c * $k * $turn / (1 + exp(-c)) / 8 }")
    done
    holds "31: its slope in float at m = $m is $slope" "($(of z.c.dense1.w) - $slope)^2 <= (1e-5 * $slope)^2"
    [ "$what" = all ] && for k in $list; do
        read -r mean turn kl <<< "$(./reference sphere $m $k)"
        "$tool" npy kappa.npy 20000,1 "$(raw $k)"
        out=$(./kappa$m eval --json --split train --weights w.safetensors)
        got=$(echo "$out" | field 'train/first(z)')
        near "31: lengths at m = $m, kappa = $k" "$(echo "$out" | field 'train/length(z)')" 0 1e-5
        holds "31: draws in float at m = $m, kappa = $k: mean $got for $mean" "(${got:-9} - $mean)^2 <= 12 * $turn / 20000 + 1e-11"
    done
done
