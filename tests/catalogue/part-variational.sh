# part-variational.sh -- read by run.sh: what a variational autoencoder's codes are like, beside those of a plain one
# (58, 59, 60, 61, 62, 76, 93, 94, 95, 96, 109).

# ---- 94, 95, 96: both ways to collapse ---------------------------------------------------------------------------------
# With z drawn the mean of log p(z) is -(E z^2 + log 2 pi) / 2 for each unit, E z^2 = E[mu^2 + sigma^2], and that of log q(z)
# is -(1 + log 2 pi) / 2 - log sigma.
sed 's/kl(z) \* gamma/\n    logp(z) as p\n    logq(z) as q\n/' "$here/trade.ae" > second.ae
if quickly second second --real f64 -D gamma=1; then
    for gamma in 0 1; do
        [ -x trade_$gamma ] || build trade trade_$gamma -D gamma=$gamma
        ./trade_$gamma train --out trade_$gamma.run > log 2> said.$gamma || bad "train trade_$gamma" "$(cat said.$gamma)"
        grad second --weights trade_$gamma.run
        square=$(awk "BEGIN { print -2 * $(of loss.p) / 8 - log(8 * atan2(1, 1)) }")
        sigma=$(awk "BEGIN { print exp(-1 * $(of loss.q) / 8 - (1 + log(8 * atan2(1, 1))) / 2) }")
        declare "square$gamma=$square" "sigma$gamma=$sigma"
    done
    holds "94: at weight 0 the deviations are a tenth of the prior's or less, $sigma0; at weight 1 $sigma1" "$sigma0 > 0 && $sigma0 < 0.1 && $sigma1 > 0.3"
    holds "95: at weight 0 the means run apart, $square0" "$square0 > 4"
    near "95: at weight 1 the codes are as spread as the prior" "$square1" 1 0.15
    try "94: the trainer says that the noise is not felt" grep -q 'the noise of the code' said.0
    sed 's/^train {/evaluate { distances distances(x) }\n\n&/' "$here/trade.ae" > apart_too.ae
    build apart_too apart_too && said=$(./apart_too eval --json --weights trade_1.run) && {
        holds "61: what is near in pixels is near in codes" "$(echo "$said" | field test/distances) > 0.5"
        near "61: and in pixels" "$(echo "$said" | field 'test/distances(x)')" 1 1e-9
    }
    if grep -q 'note: the code\|the noise of the code' said.1; then bad "94: and nothing where it is" "$(cat said.1)"; else ok; fi
fi
sed 's/gaussian(8)/gaussian(16)/; s/^train {/evaluate { active_units }\n\n&/' "$here/trade.ae" > units.ae
build units units -D gamma=50 && ./units train --out units.run > log 2> said && {
    holds "96: at weight 50 fewer than 3 units of 16 say anything" "$(./units eval --json --weights units.run | field test/active_units) < 3"
    try "96: and the trainer says so" grep -q 'collapsed onto its prior: .* of 16 units' said
}

# A name given by `as`, or a phase after it that has other terms, changes nothing of that.
sed 's/kl(z) \* gamma/& as far/; s/^train {/label y : class(10)\n\ndownstream digit {\n net head { dense(10) }\n predict y ~ categorical(head(z))\n}\n\nevaluate { bits }\n\ntrain bound {\n    minimize = [reconstruct, far]/' \
    "$here/trade.ae" > called.ae && printf 'train head {\n    minimize = [digit]\n    freeze = [encoder, z]\n    epochs = 1\n}\n' >> called.ae
build called far -D gamma=50 && ./far train --out far.run > log 2> said && try "96: the trainer says so of a term with a name too" \
    grep -q 'collapsed onto its prior: .* of 8 units of far' said
build called called -D gamma=2 && ./called train --out called.run > log 2> said && {
    said=$(./called eval --json --weights called.run)
    nats=$(echo "$said" | field test/reconstruct) far=$(echo "$said" | field test/far)
    near "96: bits are of the bound" "$(echo "$said" | field test/bits)" "$(awk "BEGIN { print ($nats + $far) / 64 / log(2) }")" 1e-5
    near "96: and so are scores" "$(./called score --json --weights called.run | field mean)" "$(awk "BEGIN { print $nats + 2 * $far }")" 1e-3
    try "109: each phase ends with what the model is worth then" awk '/^test.digit/ { n++ } END { exit n != 2 }' log
}

# ---- 61: how steep the decoder is ----------------------------------------------------------------------------------------
# dy/dz = diag(w (1 - tanh(w z + b)^2)) v, where the rows of v are at right angles and 3 long.
"$tool" npy steep.npy 2,3 0.5 -0.3 7 -1 2 7
"$tool" weights w.safetensors encoder.dense1.w 3,2 1,0,0,1,0,0 encoder.dense1.b 2 0 decoder.dense1.w 2,2 0.8,0,0,1.5 decoder.dense1.b 2 0.2,-0.1 \
    decoder.dense2.w 2,3 1,2,2,2,-2,1 decoder.dense2.b 3 0.4
quickly steep steep --real f64 && near "61: the decoder's slope at two codes" \
    "$(./steep eval --json --split train --weights w.safetensors | field 'train/steepness(decoder, z)')" \
    "$(awk 'function bent(w, u) { u = exp(2 * u); u = (u - 1) / (u + 1); return 3 * w * (1 - u * u) }
        function more(a, b) { return a > b ? a : b }
        BEGIN { print (more(bent(0.8, 0.6), bent(1.5, -0.55)) + more(bent(0.8, -0.6), bent(1.5, 2.9))) / 2 }')" 1e-5

# ---- 58: cooler draws from the same weights ------------------------------------------------------------------------------
sed 's/gaussian(8)/gaussian(8, sd = warmth)/; s/^encoder/set warmth = 1\n\n&/' "$here/../../examples/quickstart.ae" > warm.ae
quickly warm warm && quickly warm cool -D warmth=0.5 && train warm --epochs 1 && {
    for name in warm cool; do ./$name sample -n 50 --name z.z --weights warm.run -o $name.npy > log 2>&1 || bad "58: sample" "$(cat log)"; done
    try "58: at half the warmth codes are drawn half as far out" awk -v a="$("$tool" get warm.npy)" -v b="$("$tool" get cool.npy)" 'BEGIN {
        n = split(a, p, " "); split(b, q, " "); for (k = 1; k <= n; k++) { worst += (p[k] - 2 * q[k])^2; s += p[k]^2 } exit !(n == 400 && worst == 0 && s > 300 && s < 500) }'
}

# ---- 58 to 62, 93: what is between the codes -----------------------------------------------------------------------------
sed 's/^bottleneck.*/bottleneck z = code(8)/; s/^regularize.*//' "$here/../../examples/quickstart.ae" > not_drawn.ae
sure() {        # sure FILE: of pictures as a model sees them, the mean chance of the likeliest class, the share above 1/2, how many classes there are
    ./digits_net predict --test $1 --scaled --weights digits_net.run -o p.csv > log 2>&1 || bad "58: predict" "$(cat log)"
    awk -F, 'NR > 1 { m = 0; for (k = 1; k <= 10; k++) if ($k > m) m = $k; s += m; high += m > 0.5; seen[$NF]++; n++ }
        END { for (k in seen) c++; print s / n, high / n, c }' p.csv
}
if [ "$what" = all ] && build "$here/../../examples/quickstart" drawn && build not_drawn not_drawn && build digits_net digits_net \
    && train drawn && train not_drawn && train digits_net; then
    ./drawn sample -n 1000 --weights drawn.run -o s.npy > log 2>&1 || bad "58: sample" "$(cat log)"
    read -r drawn high classes <<< "$(sure s.npy)"
    holds "58: a classifier is sure of four draws of five, $high" "$high > 0.8"
    near "58: and every class is among a thousand" "$classes" 10 0
    "$tool" npy zero.npy 1000,8 0; "$tool" noise zero.npy 1 codes.npy
    ./not_drawn decode codes.npy --weights not_drawn.run -o s.npy > log 2>&1 || bad "59: decode" "$(cat log)"
    read -r plain high classes <<< "$(sure s.npy)"
    holds "59: it is less sure of what a plain autoencoder makes of the same draws: $plain, $drawn" "$plain > 0 && $plain < $drawn - 0.02"
    ./not_drawn sample -o s.npy --weights not_drawn.run > log 2>&1; try "76: without a prior it says what to draw from" grep -q 'mixture K draws' log
    ./not_drawn sample --mixture 10 -n 1000 --weights not_drawn.run -o s.npy > log 2>&1 || bad "76: sample" "$(cat log)"
    read -r fitted high classes <<< "$(sure s.npy)"
    holds "76: it is surer of draws from ten normals fitted to its codes: $fitted, $plain" "$fitted > $plain + 0.05"
    ./drawn interpolate 3 40 -n 11 --weights drawn.run -o way.npy > log 2>&1 || bad "60: interpolate" "$(cat log)"
    steps=$("$tool" get way.npy | awk '{ for (k = 0; k < 10; k++) { d = 0; for (e = 1; e <= 64; e++) d += ($((k + 1) * 64 + e) - $(k * 64 + e))^2; s += sqrt(d) }
        for (e = 1; e <= 64; e++) all += ($(640 + e) - $e)^2; print s / sqrt(all) }')
    holds "60: the way is little longer than its ends are apart, $steps" "$steps >= 1 && $steps < 2"
    "$tool" weights w.safetensors decoder.dense1.w 64,64 0 decoder.dense1.b 64 0; quickly digits digits
    ./drawn encode --weights drawn.run -o z.csv > log 2>&1; ./digits encode --weights w.safetensors -o x.csv > log 2>&1 || bad "61: encode" "$(cat log)"
    alike=$(paste -d, z.csv x.csv | awk -F, 'NR > 1 { n++; for (k = 1; k <= 72; k++) v[n, k] = $k }
        END { for (i = 1; i <= n; i++) for (j = 1; j < i; j++) { a = b = 0; for (k = 1; k <= 72; k++) { d = (v[i, k] - v[j, k])^2; if (k < 9) a += d; else b += d } printf "%.9g %.9g\n", a, b } }' \
        | sort -g -k1,1 | awk '{ print NR, $2 }' | sort -g -k2,2 | awk '{ s += NR * $1; q += NR * NR; m += NR } END { m /= NR; print (s / NR - m * m) / (q / NR - m * m) }')
    holds "61: what is near in pixels is near in codes, rank correlation $alike" "$alike > 0.5"
    sed 's/^train {/evaluate { distances }\n\n&/' "$here/../../examples/quickstart.ae" > drawn_too.ae
    build drawn_too drawn_too && near "61: as the trainer tells it" "$(./drawn_too eval --json --weights drawn.run | field test/distances)" "$alike" 5e-4     # above, equal distances stand in any order
    gap() { echo $(./$1 eval --json --weights $1.run | field test/reconstruct) - $(./$1 eval --json --split train --weights $1.run | field train/reconstruct); }
    holds "93: it forgets less on test rows than a plain one does" "$(gap drawn) > 0 && $(gap drawn) < $(gap not_drawn)"
fi
