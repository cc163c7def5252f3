# part-divergence.sh -- read by run.sh: how far two distributions are apart, by formula and by draws (52).

# ---- 52: KL of probabilities ------------------------------------------------------------------------------------------
at_pq() { "$tool" weights w.safetensors f.dense1.w 2,2 0 f.dense1.b 2 $1 g.dense1.w 2,2 0 g.dense1.b 2 $2; }
"$tool" npy rows.npy 3,2 0.3 -0.2 0.5 1 -0.7 0.1
quickly apart apart --real f64 && {
    at_pq 0.5,0.5 0.25,0.75; grad apart --weights w.safetensors --phase apart
    near "52: KL((1/2, 1/2), (1/4, 3/4))" "$(of loss)" 0.143841036 1e-8
    near "52: its slope by p is log(p / q) + 1" "$(of f.dense1.b | cut -d' ' -f1)" "$(awk 'BEGIN { print log(2) + 1 }')" 1e-5
    near "52: and by q -p / q" "$(of g.dense1.b | cut -d' ' -f2)" "$(awk 'BEGIN { print -2 / 3 }')" 1e-5
    at_pq 0.25,0.75 0.5,0.5; grad apart --weights w.safetensors --phase apart
    near "52: the other way round it is another number" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", 0.75 * log(3) - log(2) }')" 1e-8
    at_pq 0,1 0.25,0.75; grad apart --weights w.safetensors --phase apart
    near "52: 0 log 0 is 0" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", log(4 / 3) }')" 1e-8
    at_pq 0,1 0,1; grad apart --weights w.safetensors --phase apart
    near "52: nothing where both are 0" "$(of loss)" 0 1e-12
    at_pq 0.5,0.5 0,1
    ./apart train --quiet --weights w.safetensors --phase apart --out apart.run > log 2>&1
    try "52: infinite where q alone is 0, and said so" grep -q 'the term apart .* is inf;' log
}

# ---- the mean discrepancy of a code from draws of its prior ----------------------------------------------------------
# Rows at the prior's own mean, in two dimensions: half the squared distance of two draws over the variance is
# exponential with mean 2, that of a draw and the mean with mean 1, so means of the kernels are c exp(c) E1(c).
kernels=$(awk 'function e1(x,    k, t, s) {      # the exponential integral
        if (x < 3) { t = 1; s = -0.57721566490153286 - log(x); for (k = 1; k < 60; k++) { t *= -x / k; s -= t / k } return s }
        s = 0; for (k = 200; k > 0; k--) s = k / (1 + k / (x + s)); return exp(-x) / (x + s) }
    BEGIN { n = split("0.1 0.2 0.5 1 2 5 10", c, " ")
        for (k = 1; k <= n; k++) { two += c[k] * exp(c[k]) * e1(c[k]); one += 2 * c[k] * exp(2 * c[k]) * e1(2 * c[k]) }
        printf "%.9g\n", 7 + two - 2 * one }')
spread_of_seeds() {     # mean and standard error of the loss over ten seeds
    for seed in 1 2 3 4 5 6 7 8 9 10; do grad apart --weights w.safetensors --phase off --seed $seed; of loss; done \
        | awk '{ a += $1; c += $1 * $1 } END { a /= NR; print a, sqrt((c / NR - a * a) / (NR - 1)) }'
}
[ -x apart ] && {
    "$tool" npy rows.npy 1000,2 0
    at_pq 0.5,0.5 1; read -r mean error <<< "$(spread_of_seeds)"
    holds "mmd: of a point from a normal, $mean for $kernels" "$error > 0 && $error < 0.05 && ($mean - $kernels)^2 <= 9 * $error^2"
    "$tool" noise rows.npy 2 drawn.npy && mv drawn.npy rows.npy     # now f(x) = x + 1/2 has the prior's distribution
    "$tool" weights w.safetensors f.dense1.w 2,2 1,0,0,1 f.dense1.b 2 0.5 g.dense1.w 2,2 0 g.dense1.b 2 1
    read -r mean error <<< "$(spread_of_seeds)"
    holds "mmd: of the prior from itself, $mean" "$error > 0 && ($mean)^2 <= 9 * $error^2 + 1e-5"
    "$tool" npy rows.npy 7,2 0.3 -0.2 0.5 1 -0.7 0.1 2
    "$tool" weights w.safetensors f.dense1.w 2,2 0.06,-0.03,0.02,0.05 f.dense1.b 2 0.3,0.6 g.dense1.w 2,2 -0.04,0.01,0.03,0.02 g.dense1.b 2 0.8,0.4
    quickly apart apart_check --gradcheck && for phase in apart off; do
        try "$phase: gradients" ./apart_check gradcheck --weights w.safetensors --phase $phase
    done
}
