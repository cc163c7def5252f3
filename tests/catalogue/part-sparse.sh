# part-sparse.sh -- read by run.sh: penalties on activations and on weights, exact zeros, what a unit likes best.

# ---- 45: L1 on activations, and its derivative at 0 ------------------------------------------------------------------
sed 's/sparse(h, rho = rho)/l1(h) * 0.3/' "$here/sparse.ae" | sed 's/dense(1)/linear dense(1)/' > l1_code.ae
"$tool" npy rows.npy 4,1 0
quickly l1_code l1_code && for b in 0.7 -0.2 0; do
    "$tool" weights w.safetensors encoder.dense1.w 1,1 0 encoder.dense1.b 1 $b
    grad l1_code --weights w.safetensors
    near "45: slope of 0.3 |h| at $b" "$(of encoder.dense1.b)" "$(awk "BEGIN { print 0.3 * (($b > 0) - ($b < 0)) }")" 1e-7
done
sed 's/dense(1) as h/dense(1) soft_threshold(0.25) as h/; s/sparse(h, rho = rho)/l2(h)/' "$here/sparse.ae" > soft.ae
quickly soft soft && for at in "0.7 0.45" "-0.3 -0.05" "0.2 0" "-0.25 0"; do
    set -- $at
    "$tool" weights w.safetensors encoder.dense1.w 1,1 0 encoder.dense1.b 1 $1
    ./soft encode --split train --weights w.safetensors -o h.npy > log 2>&1 || bad "encode" "$(cat log)"
    near "45: the proximal map of 0.25 |h| at $1" "$("$tool" get h.npy | cut -d' ' -f1)" $2 1e-7
done

# ---- 46: squares of the error and alpha times all weights' sizes, term for term --------------------------------------
lasso() {       # lasso OF: the loss with 0.3 l1(OF) of one row, and slopes
    printf 'ae 1\nmodel lasso\ninput x : vector(2)\ndata { train = npy("x.npy") }\nencoder { dense(1) }\ndecoder { dense(2) }\nreconstruct x by sse\nregularize { l1(%s) * 0.3 }\ntrain { epochs = 1 }\n' "$1" > lasso.ae
    quickly lasso lasso --real f64 && grad lasso --weights w.safetensors
}
"$tool" npy x.npy 1,2 2 -1
"$tool" weights w.safetensors encoder.dense1.w 2,1 0.5,-0.25 encoder.dense1.b 1 0.75 decoder.dense1.w 1,2 1,-2 decoder.dense1.b 2 0.5,-3
# h = 2, y = (2.5, -7): squares 0.25 + 36; sizes of weights 3.75, of biases 4.25
lasso weights && near "46: |y - x|^2 + 0.3 |w|" "$(of loss)" 37.375 1e-12 && near "46: a bias is not drawn to 0" "$(of decoder.dense1.b | cut -d' ' -f2)" -12 1e-12 \
    && near "46: a weight is" "$(of decoder.dense1.w | cut -d' ' -f2)" -24.3 1e-12
lasso params && near "46: with biases, when asked" "$(of loss)" 38.65 1e-12 && near "46: and they are drawn too" "$(of decoder.dense1.b | cut -d' ' -f2)" -12.3 1e-12

# ---- 46: L1 on weights, and exact zeros ---------------------------------------------------------------------------------
before=-1
for alpha in 0 0.2 1; do
    build "$here/../../examples/sparse_weights" thin$alpha -D alpha=$alpha && train thin$alpha --epochs 15 || continue
    share=$(./thin$alpha eval --json --weights thin$alpha.run | field 'test/zeros(weights(encoder))')
    holds "46: more weights are 0 at alpha $alpha" "\"$share\" != \"\" && $share > $before"
    before=$share
done
none=$("$tool" get thin1.run/model.safetensors encoder.dense1.b | tr ' ' '\n' | awk '$1 == 0 && $1 != "" { n++ } END { print n + 0 }')
holds "46: biases are left alone" "$none == 0"
sed 's/^pretext thin.*/regularize { l1(weights(encoder)) * alpha }/' "$here/../../examples/sparse_weights.ae" > l1_weights.ae
build l1_weights l1_weights -D alpha=1 && train l1_weights --epochs 15 && {
    share=$(./l1_weights eval --json --weights l1_weights.run | field 'test/zeros(weights(encoder))')
    holds "46: as a term of the loss it makes no exact zero" "\"$share\" != \"\" && $share == 0"
}

# ---- 48, 49: the mean over what? -------------------------------------------------------------------------------------------
cat > whole.ae <<'END'
ae 1
model whole

input x : vector(3)

data { train = npy("whole.npy") }

encoder { dense(2) sigmoid as h }

regularize { sparse(h, rho = 0.1) }

train { batch = 4  epochs = 1 }
END
"$tool" npy z.npy 8,3 0; "$tool" noise z.npy 1.5 drawn.npy
numbers=$("$tool" get drawn.npy | tr ' ' '\n' | grep .)
"$tool" npy front.npy 8,3 $numbers; "$tool" npy back.npy 8,3 $(echo "$numbers" | tail -n 12) $(echo "$numbers" | head -n 12)
at_these="encoder.dense1.w 3,2 0.8,-0.5,0.3,1.1,-0.9,0.4 encoder.dense1.b 2 -0.4,0.2"
"$tool" weights w.safetensors $at_these
"$tool" weights swept.safetensors $at_these regularize.sparse_data1.whole 2 0       # what a sweep leaves is kept with the weights
sed 's/batch = 4/batch = all/' whole.ae > whole_exact.ae
sed 's/sparse(h/sparse_data(h/' whole.ae > whole_data.ae
sed 's/sparse(h/sparse_data(h/; s/batch = 4/batch = all/' whole.ae > whole_twice.ae
halves() {      # halves BINARY WEIGHTS: the mean over both batches of the gradient by the first bias, at the same weights
    local sum=0 half
    for half in front back; do
        cp $half.npy whole.npy; grad $1 --weights $2
        sum=$(awk "BEGIN { print $sum + $(of encoder.dense1.b | cut -d' ' -f1) / 2 }")
    done
    echo $sum
}
for name in whole whole_exact whole_data whole_twice; do quickly $name $name --real f64; done
cp front.npy whole.npy
grad whole_exact --weights w.safetensors; exact=$(of encoder.dense1.b | cut -d' ' -f1) value=$(of loss)
grad whole_twice --weights swept.safetensors
near "49: the mean over the data is that of one whole batch" "$(of loss)" "$value" 1e-12
near "49: and so is its gradient" "$(of encoder.dense1.b | cut -d' ' -f1)" "$exact" 1e-9
near "49: batches with the mean over the data have the whole gradient between them" "$(halves whole_data swept.safetensors)" "$exact" 1e-6
biased=$(halves whole w.safetensors)
holds "49: batches with their own means do not: $biased in place of $exact" "($biased - $exact)^2 > 1e-6 * ($exact)^2"
quickly whole_exact whole_check --gradcheck && { cp front.npy whole.npy; try "49: the gradient of the whole is right" ./whole_check gradcheck; }
sed 's/sparse(h, rho = rho)/sparse_running(h, rho = rho, keep = 0.75)/; s/batch = 4/batch = 4  optimizer = sgd(lr = 1e-9)/; s/epochs = 1/epochs = 2/' "$here/sparse.ae" > running.ae
"$tool" npy rows.npy 4,1 0
"$tool" weights w.safetensors encoder.dense1.w 1,1 0 encoder.dense1.b 1 0.2 regularize.sparse_running.m 1 0.05
quickly running running && { ./running info | grep '^state' > log; state=$(awk '{ print $2; exit }' log)
    "$tool" weights w.safetensors encoder.dense1.w 1,1 0 encoder.dense1.b 1 0.2 "$state" 1 0.05
    rm -rf running.run; ./running train --quiet --weights w.safetensors --out running.run > log 2>&1 || bad "train running" "$(cat log)"
    near "49: the running mean after two steps" "$("$tool" get running.run/model.safetensors "$state")" "$(awk 'BEGIN { m = 0.05; for (k = 0; k < 2; k++) m = 0.75 * m + 0.25 * 0.2; print m }')" 1e-6
}

# ---- 24, 50: few units are active, others for other classes -----------------------------------------------------------------
build "$here/../../examples/k_sparse" k_sparse && train k_sparse --epochs 2 && {
    ./k_sparse encode --weights k_sparse.run -o h.csv > log 2>&1
    wrong=$(awk -F, 'NR > 1 { a = 0; for (k = 1; k <= NF; k++) a += $k != 0; wrong += a != 10; n++ } END { print (n > 100 ? wrong + 0 : "") }' h.csv)
    holds "50: exactly ten codes of each row are not 0" "\"$wrong\" != \"\" && $wrong == 0"
}

# ---- 72: the input of length 1 that a unit likes best ---------------------------------------------------------------------------
quickly linear liked -D m=4 && train liked --epochs 5 && ./liked show units --weights liked.run -o units.npy > units.log 2>&1 && {
    "$tool" get liked.run/model.safetensors z.code1.w | tr ' ' '\n' | grep . > w.txt; "$tool" get liked.run/model.safetensors z.code1.b | tr ' ' '\n' | grep . > b.txt
    "$tool" get units.npy | tr ' ' '\n' | grep . > x.txt
    for unit in 0 1 2 3; do
        read -r cosine length best <<< "$(awk -v u=$unit 'FILENAME == "w.txt" { if (w % 4 == u) v[int(w / 4)] = $1; w++ } FILENAME == "b.txt" { if (b++ == u) bias = $1 }
            FILENAME == "x.txt" { if (int(x / 64) == u) y[x % 64] = $1; x++ }
            END { for (k = 0; k < 64; k++) { ww += v[k]^2; yy += y[k]^2; wy += v[k] * y[k] } printf "%.9f %.9f %.9f\n", wy / sqrt(ww * yy), sqrt(yy), sqrt(ww) + bias }' w.txt b.txt x.txt)"
        holds "72: ascent finds w / |w| for unit $unit" "$cosine > 0.9999 && ($length - 1)^2 < 1e-8"
        near "72: where the unit is |w| + b" "$(awk -v u=$unit '$1 == "unit" && $2 == u { print $3 }' units.log)" "$best" 2e-5
    done
}
# Units of any layer with a name, and of outputs: no vector of length 1 on which they answer more.
quickly ball ball && {
    "$tool" npy zero.npy 1000,6 0; "$tool" noise zero.npy 1 drawn.npy
    "$tool" npy ball.npy 1000,6 $("$tool" get drawn.npy | tr ' ' '\n' | grep . | awk '{ v[NR % 6] = $1; s += $1 * $1 } NR % 6 == 0 { for (k = 1; k <= 6; k++) print v[k % 6] / sqrt(s); s = 0 }')
    some="1.7,-2.1,0.4,1.9,-0.3,2.6,-1.8,0.2,1.2,-0.5,0.6,-2.4,1.3"
    "$tool" weights ball.safetensors encoder.dense1.w 6,5 $some encoder.dense1.b 5 "$some" encoder.dense2.w 5,4 "-0.6,$some" encoder.dense2.b 4 0.1 \
        decoder.dense1.w 4,5 "0.8,$some" decoder.dense1.b 5 -0.2 decoder.dense2.w 5,6 $some decoder.dense2.b 6 0
    ./ball encode --split train --weights ball.safetensors -o z.csv > log 2>&1 && ./ball reconstruct --split train --weights ball.safetensors -o y.csv > log 2>&1 || bad "72: ball" "$(cat log)"
    liked() { ./ball show units "$@" --weights ball.safetensors -o liked.npy > units.log 2>&1 || bad "72: show units $*" "$(cat units.log)"; awk '$1 == "unit" { print $3 }' units.log; }
    "$tool" get ball.safetensors encoder.dense1.w | tr ' ' '\n' | grep . > w.txt; "$tool" get ball.safetensors encoder.dense1.b | tr ' ' '\n' | grep . > b.txt
    worst=$(liked --name first | awk 'FILENAME == "w.txt" { n[w++ % 5] += $1^2; next } FILENAME == "b.txt" { b[k++] = $1; next }
        { d = $1 - sqrt(n[u + 0]) - b[u + 0]; u++; if (d < 0) d = -d; if (d > worst) worst = d } END { print u == 5 ? worst + 0 : "" }' w.txt b.txt -)
    holds "72: units of a layer of the encoder are |w| + b at most" "\"$worst\" != \"\" && $worst < 2e-5"
    try "72: a layer that the code only repeats has the code's" test "$(liked --name second)" = "$(liked)"
    most() { awk -F, 'NR > 1 { for (k = 1; k <= '$2'; k++) if (NR == 2 || $k > m[k]) m[k] = $k } END { for (k = 1; k <= '$2'; k++) print m[k] }' $1; }
    beaten() { paste - <(most $1 $2) | awk '{ n++; more += $2 > $1 } END { print n == '$2' ? more + 0 : "" }'; }
    near "72: none of a thousand vectors of length 1 excites a unit of the code more" "$(liked | beaten z.csv 4)" 0 0
    near "72: nor one of what is written" "$(liked --name decoder.dense2.y | beaten y.csv 6)" 0 0
    ./ball reconstruct --train liked.npy --split train --weights ball.safetensors -o y.csv > log 2>&1 || bad "72: reconstruct" "$(cat log)"
    worst=$(awk '{ print $3 }' units.log | paste -d, - <(tail -n +2 y.csv) | awk -F, '{ d = $1 - $(NR + 1); if (d < 0) d = -d; if (d > worst) worst = d } END { print NR == 6 ? worst + 0 : "" }')
    holds "72: what is told of a unit is its answer to the vector" "\"$worst\" != \"\" && $worst < 1e-4"
    try "72: a name that is none is told, and which there are" grep -q 'no units thrid; there are first, second, third, decoder.dense2.y' <(./ball show units --name thrid --weights ball.safetensors -o liked.npy 2>&1)
}
