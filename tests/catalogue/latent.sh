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
    grad sphere$1 --weights w.safetensors --phase drawn
    near "31: log q - log p of draws of m = $1" "$(of loss)" $3 "$(awk "BEGIN { print 4 * $2 * sqrt($turn / 20000) }")"
    grad sphere$1 --weights w.safetensors --phase length
    near "31: draws of m = $1 have length 1" "$(of loss)" 0 1e-6
    read -r got error slope doubt <<< "$(drawn sphere$1)"
    holds "31: the mean of draws at m = $1 is A = $mean, not $got" "($got - $mean)^2 <= 9 * $error^2"
    holds "31: its slope by kappa is $turn, not $slope" "$doubt > 0 && $doubt < 0.02 * $turn && ($slope - $turn)^2 <= 9 * $doubt^2"
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
    holds "31: draws without the correction have the same mean" "(${got:-9} - 0.361107)^2 <= 9 * $error^2"
    holds "31: and the slope 0.127662, which is wrong" "(${slope:-9} - 0.127662)^2 <= 9 * $doubt^2 && ($slope - 0.147389)^2 > 100 * $doubt^2"
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
        holds "31: draws in float at m = $m, kappa = $k: mean $got for $mean" "(${got:-9} - $mean)^2 <= 9 * $turn / 20000 + 1e-11"
    done
done

# ---- 37 to 42: likelihoods -----------------------------------------------------------------------------------------
"$tool" npy x.npy 1,3 0.3 1 0; "$tool" npy s.npy 1,3 -1 1 -1; "$tool" npy y.npy 1 3
set_f() { "$tool" weights w.safetensors f.dense1.w 3,3 0 f.dense1.b 3 $1 g.dense1.w 3,5 0 g.dense1.b 5 0.7 v.dense1.w 3,6 0 v.dense1.b 6 $1,-1,0.5,2 \
    shared.predict.s "" "${2:-0.693147181}"; }
says() { grad outputs --weights w.safetensors --phase $1; }
sum3() { awk "BEGIN { split(\"0.3 1 0\", x); split(\"0.4 -1.2 0.75\", m); split(\"-1 0.5 2\", v); pi = 4 * atan2(1, 1)
    for (k = 1; k <= 3; k++) { e = x[k] - m[k]; p = 1 / (1 + exp(-m[k])); s += $1 } printf \"%.9g\", s }"; }
quickly outputs outputs --real f64 && {
    set_f 0.4,-1.2,0.75
    says squares; sse=$(of loss) slope=$(of f.dense1.b)
    near "37: sums of squares" "$sse" "$(sum3 'e * e')" 1e-6
    says mean; holds "37: 3 times the mean of squares" "($(of loss) * 3 - $sse)^2 < 1e-28"
    says normal; near "37: half of it is the normal likelihood" "$(of loss)" "$(awk "BEGIN { printf \"%.12g\", $sse / 2 }")" 1e-11
    if [ "$(of f.dense1.b | awk '{ printf "%.15g %.15g %.15g", 2 * $1, 2 * $2, 2 * $3 }')" = "$(echo $slope | awk '{ printf "%.15g %.15g %.15g", $1, $2, $3 }')" ]; then ok
    else bad "38: and has half its slope" "$slope"; fi
    says double; near "laplace" "$(of loss)" "$(sum3 '(e < 0 ? -e : e) / 0.5')" 1e-6
    says coin; near "39: bernoulli" "$(of loss)" "$(sum3 '-(x[k] * log(p) + (1 - x[k]) * log(1 - p))')" 1e-6
    near "39: its slope is p - x" "$(of f.dense1.b | cut -d' ' -f2)" "$(awk 'BEGIN { print 1 / (1 + exp(1.2)) - 1 }')" 1e-6
    says shared; near "38: a shared deviation of 2" "$(of loss)" "$(sum3 'log(2) + log(2 * pi) / 2 + e * e / 8')" 1e-6
    near "38: its slope" "$(of shared.predict.s)" "$(sum3 '1 - e * e / 4')" 1e-6
    set_f 0.4,-1.2,0.75 0; says shared
    near "37: of deviation 1, half the squares and 3 log(2 pi) / 2" "$(of loss)" "$(awk "BEGIN { printf \"%.12g\", $sse / 2 + 1.5 * log(8 * atan2(1, 1)) }")" 1e-9
    says learnt; near "38: a deviation for each" "$(of loss)" "$(sum3 '(log(2 * pi) + v[k] + e * e * exp(-v[k])) / 2')" 1e-6
    says one; near "40: all alike it is log 5" "$(of loss)" 1.609437912 1e-8
    says bag; near "65: counts of words" "$(of loss)" "$(sum3 'x[k] * (log(exp(0.4) + exp(-1.2) + exp(0.75)) - m[k])')" 1e-6
    near "65: its slope is N p - x" "$(of f.dense1.b | cut -d' ' -f2)" "$(awk 'BEGIN { print 1.3 * exp(-1.2) / (exp(0.4) + exp(-1.2) + exp(0.75)) - 1 }')" 1e-6
    says signs; signs=$(of loss) slope=$(of f.dense1.b)
    near "41: its slope is -x sigmoid(-x l)" "$(echo $slope | cut -d' ' -f1)" "$(awk 'BEGIN { print 1 / (1 + exp(-0.4)) }')" 1e-5
    "$tool" npy x.npy 1,3 0 1 0
    says coin; near "41: labels of -1, 1 as bernoulli of 0, 1" "$(of loss)" "$signs" 1e-12
    set_f 100,-100,-100
    says coin; near "39: logits of 100" "$(of loss)" 200 1e-6
    "$tool" npy x.npy 1,3 0.3 0.3 0.3; set_f -0.8472978604,-0.8472978604,-0.8472978604
    says coin; near "39: at p = x it is the entropy of x" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", -3 * (0.3 * log(0.3) + 0.7 * log(0.7)) }')" 1e-6
    near "39: and least" "$(of f.dense1.b | cut -d' ' -f1)" 0 1e-7
}

# ---- 29, 54, 97 -------------------------------------------------------------------------------------------------------
corner() { local t="${2//; /\\n}"; sed -e "s/LATENT/$1/" -e "s/TERMS/\n$t\n/" "$here/corner.ae" > corner.ae; quickly corner corner --real f64; }
"$tool" npy rows.npy 1000,1 0
full="kl(z) as exact; logq(z) as q; logp(z) * -1 as p"
drawn_kl() { for seed in 1 2 3 4 5 6 7 8 9 10; do grad corner --weights w.safetensors --phase drawn --seed $seed; of loss; done \
    | awk '{ a += $1; c += $1 * $1 } END { a /= NR; print a, sqrt((c / NR - a * a) / (NR - 1)) }'; }
corner "gaussian_full(2, samples = 50)" "$full" && {
    full_weights() { "$tool" weights w.safetensors z.mu.dense1.w 1,2 0 z.mu.dense1.b 2 0.3,-1 z.s.dense1.w 1,2 0 z.s.dense1.b 2 0.2,-0.7 \
        z.off.dense1.w 1,4 0 z.off.dense1.b 4 $1; }
    full_weights 0; grad corner --weights w.safetensors --phase exact
    near "29: a full covariance without its corners" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", (exp(0.4) + 0.09 - 1) / 2 - 0.2 + (exp(-1.4) + 1 - 1) / 2 + 0.7 }')" 1e-6
    full_weights 9,9,0.8,9; grad corner --weights w.safetensors --phase exact; exact=$(of loss)
    near "29: with them, tr S / 2 + mu mu / 2 - 1 - log det S / 2" "$exact" "$(awk 'BEGIN { printf "%.9g", (exp(0.4) + 0.64 + exp(-1.4) + 1.09) / 2 - 1 - 0.2 + 0.7 }')" 1e-6
    read -r mean error <<< "$(drawn_kl)"
    holds "29: is the mean of draws, $mean for $exact" "$error > 0 && ($mean - $exact)^2 <= 9 * $error^2"
}
set_normal() { "$tool" weights w.safetensors z.mu.dense1.w 1,2 0 z.mu.dense1.b 2 0.3,-1 z.$1.dense1.w 1,2 0 z.$1.dense1.b 2 $2; }
for raw in "gaussian logvar 0.4,-1.4" "gaussian_logsd logsd 0.2,-0.7" "gaussian_softplus raw $(awk 'BEGIN { printf "%.8g,%.8g", log(exp(exp(0.2)) - 1), log(exp(exp(-0.7)) - 1) }')"; do
    set -- $raw
    corner "$1(2, at = 0.5, sd = 2, samples = 50)" "$full" && {
        set_normal $2 $3; grad corner --weights w.safetensors --phase exact; exact=$(of loss)
        for net in "mu 0.3,-1" "$2 $3"; do
            ./corner encode --split train --name z.${net% *} --weights w.safetensors -o said.csv > log 2>&1 || bad "28: encode --name z.${net% *}" "$(cat log)"
            try "28: encode tells what its nets say, z.${net% *} of $1" awk -F, -v w="${net#* }" 'BEGIN { split(w, b, ",") }
                NR == 1 { good = $1 == "z.'${net% *}'0" } NR > 1 { for (k = 1; k < 3; k++) good = good && ($k - b[k])^2 < 1e-12; n++ } END { exit !(good && n == 1000) }' said.csv
        done
        near "53, 97: $1 against N(0.5, 2^2)" "$exact" \
            "$(awk 'BEGIN { printf "%.9g", 2 * log(2) + (exp(0.4) + 0.04) / 8 - 1 + (exp(-1.4) + 2.25) / 8 + 0.5 }')" 3e-6
        read -r mean error <<< "$(drawn_kl)"
        holds "97: is the mean of draws, $mean for $exact" "$error > 0 && ($mean - $exact)^2 <= 9 * $error^2"
        for far in -30 30; do
            set_normal $2 $far; grad corner --weights w.safetensors --phase exact
            holds "53: $1 of $far is a number" "$(of loss) > 0 && $(of loss) < 1e30"
        done
    }
done
corner "gaussian(2, free = 0.5)" "bits(z) as exact; logq(z) as q; logp(z) * -1 as p" && {    # units of 0.091 and 0.823 nats
    set_normal logvar 0.4,-1.4; grad corner --weights w.safetensors --phase exact
    near "54: a unit below its free nats costs them" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", 0.5 + (exp(-1.4) + 1 - 1 + 1.4) / 2 }')" 1e-6
    read -r low high <<< "$(of z.mu.dense1.b)"
    near "54: and is not pushed" "$low" 0 1e-12; near "54: the other is" "$high" -1 1e-6
}
corner "gaussian(2)" "information(z) as q; correlation(z) as p; marginal(z) as r; logq(z) as exact; logp(z) as t" && {
    sed -i 's/minimize = .q, p./minimize = [q, p, r, exact, t]/' corner.ae
    quickly corner corner --real f64 && set_normal logvar 0.4,-1.4 && grad corner --weights w.safetensors --phase drawn
    # rows that are all alike: q(z) is q(z|x)
    near "parts of the divergence: z tells nothing of the row" "$(of loss.q)" 0 1e-9
    near "parts of the divergence: its units nothing of each other" "$(of loss.p)" 0 1e-9
    holds "parts of the divergence: their sum is log q - log p" "($(of loss.q) + $(of loss.p) + $(of loss.r) - $(of loss.exact) + $(of loss.t))^2 < 1e-20"
}

# ---- 77, 78: the likelihood itself ------------------------------------------------------------------------------------------
"$tool" npy g.npy 400,3 $(awk 'BEGIN { srand(3); for (k = 0; k < 400; k++) { a = n(); b = n(); printf "%.6f %.6f %.6f ", a + 0.4 * n(), 0.6 * a - b + 0.4 * n(), 0.5 * b + 0.4 * n() } }
    function n() { return sqrt(-2 * log(1 - rand())) * cos(6.283185307 * rand()) }')
build gauss gauss && train gauss && {
    out=$(./gauss eval --json --split train --weights gauss.run)
    got=$(echo "$out" | field train/nll) bound=$(echo "$out" | field train/loss)
    want=$(./reference normal g.npy 0.5 $("$tool" get gauss.run/model.safetensors decoder.dense1.w) $("$tool" get gauss.run/model.safetensors decoder.dense1.b))
    near "77: -log p(x) by importance sampling is the closed form" "$got" "$want" 0.05
    holds "77: the bound lies above it, $bound" "$bound >= $want - 1e-3"
}
sed 's/gaussian(2)/gaussian(1)/' gauss.ae > line.ae
build line line && train line && near "77: of one unit too" "$(./line eval --json --split train --weights line.run | field train/nll)" \
    "$(./reference normal g.npy 0.5 $("$tool" get line.run/model.safetensors decoder.dense1.w) 0 0 0 $("$tool" get line.run/model.safetensors decoder.dense1.b))" 0.05
# A decoder that bends: the code integrated out on a lattice.
sed 's/^bottleneck/encoder { dense(16) tanh }\n&/; s/dense(3)/dense(16) tanh dense(3)/; s/^evaluate.*/evaluate { nll(samples = 1) nll(samples = 4) nll(samples = 32) nll(samples = 5000) }/' gauss.ae > bent.ae
build bent bent && train bent && {
    "$tool" npy lattice.npy 6561,2 $(awk 'BEGIN { for (i = -40; i <= 40; i++) for (j = -40; j <= 40; j++) print i / 8, j / 8 }')
    ./bent decode lattice.npy --weights bent.run -o there.npy > log 2>&1 || bad "77: decode" "$(cat log)"
    want=$(./reference grid g.npy 0.5 lattice.npy there.npy 0.015625) out=$(./bent eval --json --split train --weights bent.run)
    near "77: and of a decoder that bends, by a lattice of codes" "$(echo "$out" | field 'train/nll(samples = 5000)')" "$want" 0.01
    before=9; for k in 1 4 32 5000; do
        now=$(echo "$out" | field "train/nll(samples = $k)")
        holds "77: more draws, a closer bound: $k, $now after $before, $want" "$now < $before && $now > $want - 1e-3"
        before=$now
    done
}

# At its best q is the exact posterior, N(S W'(x - b) / sd^2, S) with S = 1 / (1 + W'W / sd^2), whose S is diagonal when W's axes are
# at right angles, and nothing is lost.
sed 's/epochs = 150/epochs = 1500/; s/lr = 5e-3/lr = 1e-2/; s/^evaluate.*//' gauss.ae > posterior.ae
build posterior posterior && train posterior && {
    all() { "$tool" get posterior.run/model.safetensors $1; }
    read -r right far <<< "$(echo $(all decoder.dense1.w) $(all z.mu.dense1.w) $(all z.logvar.dense1.b) | awk '{ for (u = 0; u < 2; u++) { q = 0
            for (k = 1; k <= 3; k++) q += $(u * 3 + k)^2 / 0.25
            s = 1 / (1 + q); d = exp($(13 + u)) - s; far = d * d > far ? d * d : far
            for (k = 1; k <= 3; k++) { d = $(6 + (k - 1) * 2 + u + 1) - s * $(u * 3 + k) / 0.25; far = d * d > far ? d * d : far } }
        for (k = 1; k <= 3; k++) right += $k * $(3 + k); print (NF == 14 ? right : ""), sqrt(far) }')"
    holds "78: the axes that it finds are at right angles, $right" "($right)^2 < 0.03^2"
    holds "78: q is the exact posterior, within $far" "$far > 0 && $far < 0.01"
    bound=$(for seed in 1 2 3 4 5 6 7 8 9 10; do ./posterior eval --json --split train --seed $seed --weights posterior.run | field train/loss; done | awk '{ s += $1 } END { print s / NR }')
    near "78: the bound is the likelihood then, $bound" "$bound" \
        "$(./reference normal g.npy 0.5 $(all decoder.dense1.w) $(all decoder.dense1.b))" 0.05
}

# ---- 38: what a deviation learns; 44: what was asked for -------------------------------------------------------------
sed -e '/^corrupt/d' -e 's/~ bernoulli/~ gaussian_shared(sd = 0.25)/' -e 's/^model.*/model shared/' -e 's/epochs = 40/epochs = 200\n    schedule = cosine/' -e 's/^train {/evaluate { mse }\n\ntrain {/' "$here/groups.ae" > shared.ae
build shared shared && train shared && {
    mse=$(./shared eval --json --split train --weights shared.run | field train/mse)
    holds "38: the square of a learnt deviation is the error of the training rows" \
        "(exp(2 * ($("$tool" get shared.run/model.safetensors reconstruct.s))) / $mse - 1)^2 < 0.05^2"
}
if [ "$what" = all ]; then
    cp "$here/../../examples/conditional_vae.ae" . && build conditional_vae conditional_vae && train conditional_vae \
        && build digits_net told && train told && {
        ./conditional_vae predict --weights conditional_vae.run --name asked.predict.p -o asked.npy > log 2>&1 || bad "44: predict" "$(cat log)"
        ./told predict --test asked.npy --weights told.run -o told.csv > log 2>&1 || bad "44: predict" "$(cat log)"
        ./conditional_vae score --weights conditional_vae.run -o asked.csv > log 2>&1 || bad "44: score" "$(cat log)"
        right=$(paste -d, told.csv asked.csv | awk -F, 'NR == 1 { for (k = 1; k < NF; k++) if ($k == "y") c = k; next } { n += $c == $NF; all++ } END { print all == 359 ? n / all : 0 }')
        holds "44: what is drawn for a class is told as that class: $right" "$right > 0.8"
    }
fi
