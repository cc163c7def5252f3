# part-basics.sh -- read by run.sh: shapes, counts, terms and decay, by hand
# (3, 5, 25, 43, 47, 56, 71, 86, 89).

# ---- 3, 5: the shape of an hourglass ----------------------------------------------------------------------------------
hourglass() {   # hourglass DECODER: 64-32-4 and back
    printf 'ae 1\nmodel hourglass\ninput x : vector(64)\ndata { train = npy("hourglass.npy") }\nencoder { dense(32) relu }\nbottleneck z = code(4)\ndecoder %s\nreconstruct x by mse\ntrain { epochs = 1 }\n' "$1" > hourglass.ae
    "$aec" show hourglass.ae 2>&1
}
layers=$(hourglass mirror | awk '/^decoder/ { print $2, $3 }' | tr '\n' ';')
if [ "$layers" = "dense(32) 32;relu 32;dense(64) 64;" ]; then ok; else bad "3: mirror gives the encoder's layers in reverse order" "$layers"; fi
layers=$(hourglass mirror > log; sed -i 's/^encoder.*/encoder { dense(32) relu dense(4) tanh reshape(2, 2) }/; /^bottleneck/d' hourglass.ae; "$aec" show hourglass.ae | awk '/^decoder/ { print $2, $3 }' | tr '\n' ';')
if [ "$layers" = "reshape(4) 4;dense(32) 32;relu 32;dense(64) 64;" ]; then ok; else bad "3: an activation that the code has been through is not repeated" "$layers"; fi
try "5: the compiler says how much smaller the code is" grep -q 'The code has 4 numbers, the input x has 64: 16 to 1' <<< "$(hourglass mirror)"
# ---- 44: what there are chances of, and the likelihood of labels by hand --------------------------------------------
try "44: a plain autoencoder has no prior" grep -q '^There is no p(z)' <<< "$(hourglass mirror)"
try "44: a variational one has" grep -q '^Generative: .* p(x | z)' <<< "$("$aec" show "$here/../../examples/quickstart.ae")"
said=$("$aec" show "$here/digits_net.ae")
if [ "$(grep -E '^(There|Gen|Disc)' <<< "$said")" = 'Discriminative: `predict` tells p(y | x).' ]; then ok; else bad "44: a classifier tells labels alone" "$said"; fi
quickly "$here/digits_net" labels_told && train labels_told --epochs 3 && {
    ./labels_told predict --weights labels_told.run -o told.csv > log 2>&1 && ./labels_told score --weights labels_told.run -o true.csv >> log 2>&1 || bad "44: predict" "$(cat log)"
    near "44: the loss of a classifier is the mean of -log p(y)" "$(last test/digit labels_told.run)" \
        "$(paste -d, told.csv true.csv | awk -F, 'NR > 1 { s -= log($($NF + 1)); n++ } END { if (n == 359) printf "%.9g", s / n }')" 1e-6
}

"$tool" npy zero.npy 40,64 0; "$tool" noise zero.npy 1 hourglass.npy
hourglass '{ dense(64) }' > log && quickly hourglass hourglass && train hourglass && ok || bad "3: an asymmetric one trains"
try "3: a decoder that does not fit is refused with both shapes and its line" grep -qF 'hourglass.ae:7' <<< "$(hourglass '{ dense(63) }')"

# ---- 42: many outputs, and each alone ---------------------------------------------------------------------------------
"$tool" npy x.npy 3,4 0.3 -1.2 0.8 2.1 -0.4 0.6 1.5 0.2 -0.9 0.1 0.7 -1.8
"$tool" weights w.safetensors encoder.dense1.w 4,3 0.7,-1.1,0.4,0.9,-0.3 encoder.dense1.b 3 0.2 encoder.dense2.w 3,3 -0.8,0.2,1.2,-0.5 encoder.dense2.b 3 -0.1 \
    decoder.dense1.w 3,4 0.6,-1.4,0.3,1.6,-0.7 decoder.dense1.b 4 0.4
quickly sums sums --real f64 && {
    for phase in all one two three four; do grad sums --weights w.safetensors --phase of_$phase
        echo $(of loss) $(for p in w b; do of encoder.dense1.$p; of encoder.dense2.$p; of decoder.dense1.$p; done); done > sums.txt
    worst=$(awk 'NR == 1 { for (k = 1; k <= NF; k++) all[k] = $k; n = NF; next } { for (k = 1; k <= NF; k++) sum[k] += $k; moved += $1 > 0.01 }
        END { for (k = 1; k <= n; k++) { d = all[k] - sum[k]; if (d < 0) d = -d; if (d > worst) worst = d } print n == 1 + 12 + 9 + 12 + 3 + 3 + 4 && moved == 4 ? worst : "" }' sums.txt)
    holds "42: the loss of four outputs and all its slopes are sums of those of each" "\"$worst\" != \"\" && $worst + 0 < 1e-9"
}

# ---- 55: the slope of a tied weight is the sum of its two uses' ---------------------------------------------------------
tied() { printf 'ae 1\nmodel tied\ninput x : vector(4)\ndata { train = npy("x.npy") }\nencoder { dense(3) tanh }\ndecoder %s\nreconstruct x by sse\ntrain { epochs = 1 }\n' "$2" > $1.ae
    quickly $1 $1 --real f64; }
both="0.7,-1.1,0.4,0.9,-0.3,1.6,-0.8,0.2,1.2,-0.5,0.6,-1.4"
turned="0.7,0.9,-0.8,-0.5,-1.1,-0.3,0.2,0.6,0.4,1.6,1.2,-1.4"
tied once "mirror(tied = true)" && tied twice "{ dense(4) }" && {
    "$tool" weights w.safetensors encoder.dense1.w 4,3 $both encoder.dense1.b 3 0.2 decoder.dense1.b 4 0.4
    grad once --weights w.safetensors; of encoder.dense1.w > tied.txt; of loss >> tied.txt
    "$tool" weights w.safetensors encoder.dense1.w 4,3 $both encoder.dense1.b 3 0.2 decoder.dense1.w 3,4 $turned decoder.dense1.b 4 0.4
    grad twice --weights w.safetensors; { of encoder.dense1.w; of decoder.dense1.w; of loss; } >> tied.txt
    worst=$(xargs < tied.txt | awk '{ far = $13 - $38; for (i = 0; i < 4; i++) for (j = 0; j < 3; j++) { d = $(i * 3 + j + 1) - $(13 + i * 3 + j + 1) - $(25 + j * 4 + i + 1)
        if (d < 0) d = -d; if (d > far) far = d; moved += $(25 + j * 4 + i + 1)^2 } print (NF == 38 && moved > 0.01 ? far : "") }')
    holds "55: the slope of a tied weight is the sum of both uses'" "\"$worst\" != \"\" && $worst + 0 < 1e-9"
}

# ---- 25, 43: terms add up, rows too ---------------------------------------------------------------------------------------
quickly "$here/../../examples/sparse_l1" terms && train terms --epochs 3 && {
    said=$(./terms eval --json --weights terms.run)
    near "25: the terms times their weights are the loss" \
        "$(awk "BEGIN { print $(echo "$said" | field test/reconstruct) + 0.1 * $(echo "$said" | field test/codes) + 1e-4 * $(echo "$said" | field test/connections) }")" \
        "$(echo "$said" | field test/loss)" 1e-6
    ./terms score --weights terms.run -o rows.csv > log 2>&1
    near "43: the mean over the rows is what was told" "$(awk 'NR > 1 { s += $1; n++ } END { if (n == 359) printf "%.9g", s / n }' rows.csv)" "$(echo "$said" | field test/reconstruct)" 1e-6
}

# ---- 47: L2, as a term and as decay ------------------------------------------------------------------------------------------
# Rows are 0, so that only the penalty reaches the weight.
"$tool" npy rows.npy 4,1 0
"$tool" weights w.safetensors encoder.dense1.w 1,1 0.7 encoder.dense1.b 1 0.2
sed 's/sparse(h, rho = rho)/l2(h)\n    l2(weights) * 0.3/; s/dense(1) sigmoid as h/dense(1) as h/' "$here/sparse.ae" > l2_weights.ae
decayed() {     # decayed NAME OPTIMIZER WANT: the weight after one step
    sed "s/epochs = 1/epochs = 1  optimizer = $2/; $4" l2_weights.ae > $1.ae
    quickly $1 $1 && ./$1 train --quiet --weights w.safetensors --out $1.run > log 2>&1 || bad "train $1" "$(cat log)"
    near "47: a step of $2" "$("$tool" get $1.run/model.safetensors encoder.dense1.w)" $3 1e-6
}
quickly l2_weights l2_weights && grad l2_weights --weights w.safetensors && {
    near "47: slope of 0.3 w^2" "$(of encoder.dense1.w)" 0.42 1e-6
    near "47: biases are left alone" "$(of encoder.dense1.b)" 0.4 1e-6
    decayed by_term "sgd(lr = 0.1)" 0.658 ""
    decayed by_adam "adam(lr = 0.1)" 0.6 ""         # rescales the slope, whatever the weight of the term
    decayed by_decay "adamw(lr = 0.1, decay = 0.2)" 0.686 "s/l2(weights) . 0.3//"
}

# ---- 56: dropout ---------------------------------------------------------------------------------------------------------------
printf 'ae 1\nmodel dropped\ninput x : vector(1000)\ndata { train = npy("ones.npy") }\nencoder { dropout(0.25) as h }\ndecoder { dense(1000) }\nreconstruct x by mse\npretext sum { minimize l1(h) }\ntrain { batch = all  epochs = 1 }\n' > dropped.ae
"$tool" npy ones.npy 100,1000 1
quickly dropped dropped && {
    "$tool" weights w.safetensors decoder.dense1.w 1000,1000 0 decoder.dense1.b 1000 0
    grad dropped --weights w.safetensors
    holds "56: what is kept is scaled up, so the mean stays" "$(of loss.sum) > 0 && $(of loss.sum) != 1000 && ($(of loss.sum) / 1000 - 1)^2 < 9 / 3 / 100000"
    ./dropped encode --split train --weights w.safetensors -o z.npy > log 2>&1
    if [ "$("$tool" get z.npy | tr ' ' '\n' | sort -u | tr -d '\n')" = 1 ]; then ok; else bad "56: outside training nothing is dropped"; fi
}

# ---- 71: weights as pictures ------------------------------------------------------------------------------------------------------
sed -i 's/^set m.*/set m = 3/' space.ae 2> /dev/null || cp "$here/space.ae" .
"$tool" npy x.npy 2,3 1; "$tool" weights w.safetensors encoder.dense1.w 3,3 1,2,3,4,5,6,7,8,9 encoder.dense1.b 3 0 decoder.dense1.w 3,3 0 decoder.dense1.b 3 0
quickly space space && {
    ./space show filters --weights w.safetensors -o f.npy > log 2>&1
    if [ "$("$tool" get f.npy | xargs)" = "1 4 7 2 5 8 3 6 9" ]; then ok; else bad "71: a filter for each unit" "$("$tool" get f.npy) $(cat log)"; fi
}

# ---- 86: pooling and upsampling, and their adjoints ---------------------------------------------------------------------------------
y=$(awk 'BEGIN { for (k = 0; k < 24; k++) printf "%d ", (k * 7 + 3) % 11 - 5 }')
"$tool" npy large.npy 1,1,4,6 $y; "$tool" npy small.npy 1,1,2,3 3 -1 2 5 -4 1
"$tool" weights w.safetensors little.dense1.w 24,6 0 little.dense1.b 6 2,-1,0.5,3,1.5,-2 much.dense1.w 24,24 0 \
    much.dense1.b 24 1,5,2,4,0,3,-1,2,7,-3,6,1,2,0,-4,8,-2,5,9,-6,3,1,4,-1
adjoint() {     # adjoint PHASE NET OF-y: the slope, and that it is linear: <u b, y> = <b, slope>
    grad pools --weights w.safetensors --phase $1
    local got=$(of $2.dense1.b) b=$("$tool" get w.safetensors $2.dense1.b)
    if awk -v a="$got" -v b="$3" 'BEGIN { n = split(a, p, " "); m = split(b, q, " "); for (k = 1; k <= n; k++) worst += (p[k] - q[k])^2; exit !(n > 5 && n == m && worst < 1e-10) }'; then ok
    else bad "86: adjoint, $1" "$got for $3"; fi
    near "86: and its product, $1" "$(of loss)" "$(awk -v a="$got" -v b="$b" 'BEGIN { n = split(a, p, " "); split(b, q, " "); for (k = 1; k <= n; k++) s += p[k] * q[k]; print s }')" 1e-5
}
pixels() {      # pixels EXPRESSION OF i, j, y(i, j): over 2 x 3
    awk -v v="$y" "function y(i, j) { return p[i * 6 + j + 1] }
        function hat(k, i, n, at) { at = (i + 0.5) / 2 - 0.5; at = at < 0 ? 0 : at > n - 1 ? n - 1 : at; at -= k; at = at < 0 ? -at : at; return at < 1 ? 1 - at : 0 }
        function over(i, j, a, b, s) { for (a = 0; a < 4; a++) for (b = 0; b < 6; b++) s += hat(i, a, 2) * hat(j, b, 3) * y(a, b); return s }
        function top(a, b, c, d, m) { m = a > b ? a : b; m = c > m ? c : m; return d > m ? d : m }
        BEGIN { split(v, p, \" \"); for (i = 0; i < 2; i++) for (j = 0; j < 3; j++) print $1 }" | xargs
}
quickly pools pools && {
    adjoint a little "$(pixels 'y(2*i, 2*j) + y(2*i, 2*j+1) + y(2*i+1, 2*j) + y(2*i+1, 2*j+1)')"
    adjoint b little "$(pixels 'over(i, j)')"
    adjoint c little "$(pixels 'y(2*i, 2*j)')"
    adjoint d much "0.75 0.75 -0.25 -0.25 0.5 0.5 0.75 0.75 -0.25 -0.25 0.5 0.5 1.25 1.25 -1 -1 0.25 0.25 1.25 1.25 -1 -1 0.25 0.25"
    adjoint f little "$(pixels 'top(y(2*i, 2*j), y(2*i, 2*j+1), y(2*i+1, 2*j), y(2*i+1, 2*j+1))')"      # put where y is largest, and y there
    adjoint e much "0 3 0 0 0 0 0 0 -1 0 2 0 0 0 0 -4 0 1 5 0 0 0 0 0"
}

# Where maxima stood goes around the code: a code alone is not decoded, and nothing says how small it is.
quickly "$here/../../examples/unpooling" around && ./around train --quiet --epochs 1 --out around.run > log 2>&1 && {
    ./around encode --weights around.run -o z.npy > log 2>&1
    for command in "decode z.npy -o d.npy" "interpolate 0 1 -o d.npy" compress; do
        if ./around $command --weights around.run > log 2>&1; then bad "86: $command"; else try "86: $command" grep -q 'reads more of a row than its code' log; fi
    done
    try "86: with the places the code is not all" grep -q '^The decoder reads more of a row' <("$aec" show "$here/../../examples/unpooling.ae")
} || bad "86: unpooling" "$(cat log)"

# What no loss reads is no work: a latent has more terms than the one that is added.
few=$("$aec" show "$here/../../examples/quickstart.ae" | awk '$1 == "z" { print $4 }')
holds "89: drawing a unit and its kl are a dozen operations or so" "$few > 8 * 6 && $few < 8 * 15"

# ---- 89: shared layers for ten answers, or a net for each ---------------------------------------------------------------------------
answers() {     # answers HEAD ENCODER
    printf 'ae 1\nmodel answers\ninput x : vector(64)\nlabel y : labels(10)\ndata { train = npy("x.npy", "y.npy") }\n%s\ndownstream ten {\n net head { %s }\n predict y ~ bernoulli(head(%s))\n}\ntrain { epochs = 1 }\n' "$2" "$1" "${3:-x}" > answers.ae
    "$aec" show answers.ae | awk '$1 == "all" { gsub(",", ""); print $2, $3 }'
}
one='{ dense(32) relu dense(1) }'
read -r count work1 <<< "$(answers 'dense(10)' 'encoder { dense(32) relu }' encoder)"
near "89: shared layers have 64 32 + 32 + 32 10 + 10 parameters" "$count" 2410 0
read -r count work10 <<< "$(answers "concat { $one $one $one $one $one $one $one $one $one $one }" '')"
near "89: ten nets ten times 64 32 + 32 + 32 + 1" "$count" 21130 0
holds "89: and eight times the operations, $work10 for $work1" "$work1 > 2 * (64 * 32 + 32 * 10) && $work10 > 8 * $work1"
