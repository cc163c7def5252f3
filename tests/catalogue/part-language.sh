# part-language.sh -- read by run.sh: inputs, sources, metrics and exports that need more than their row of a table.

# ---- an image of levels -------------------------------------------------------------------------------------------
"$tool" npy x.npy 2,2,1,2 0 2 1 0 2 2 1 1
"$tool" weights w.safetensors decoder.dense1.w 4,12 0 decoder.dense1.b 12 0.5,-1,2,0,0.25,1,-0.5,3,0.75,0.1,-2,1.5
build levels levels --cc "$work/cc" && {
    ./levels encode --weights w.safetensors -o z.npy > log 2>&1 || bad "levels" "$(cat log)"
    [ "$("$tool" get z.npy)" = "0 1 0.5 0 1 1 0.5 0.5" ] && ok || bad "levels: k of 0 .. 2 is seen as k / 2" "$("$tool" get z.npy)"
    # by hand: pixel p of channel c has the numbers b[6 c + 2 a + p] for the levels a
    read -r nll mse <<< "$(awk 'BEGIN { split("0.5 -1 2 0 0.25 1 -0.5 3 0.75 0.1 -2 1.5", b, " "); n = split("0 2 1 0 2 2 1 1", x, " ")
        for (k = 0; k < n; k++) { c = int(k % 4 / 2); p = k % 2; s = m = 0
            for (a = 0; a < 3; a++) { e = exp(b[6 * c + 2 * a + p + 1]); s += e; m += a * e }
            nll += log(s) - b[6 * c + 2 * x[k + 1] + p + 1]; mse += (m / s - x[k + 1])^2 / n }
        printf "%.9g %.9g\n", nll / 2, mse }')"
    said=$(./levels eval --json --split train --weights w.safetensors)
    near "levels: log sum exp less the number of the true level" "$(echo "$said" | field train/reconstruct)" "$nll" 1e-5
    near "levels: the reconstruction is the mean level" "$(echo "$said" | field train/mse)" "$mse" 1e-5
    near "levels: its peak is the highest" "$(echo "$said" | field train/psnr)" "$(awk "BEGIN { print 20 * log(2) / log(10) - 10 * log($mse) / log(10) }")" 1e-4
    "$tool" npy x.npy 1,2,1,2 0 3 0 0
    said=$(./levels eval --split train --weights w.safetensors 2>&1)
    [ "$said" = "error: $PWD/x.npy: row 0: 3 is outside of 0 to 2, the numbers that x has" ] && ok || bad "levels: one too many" "$said"
}

# ---- metrics of what has a name -------------------------------------------------------------------------------------
"$tool" npy x.npy 4,2 0 0 0 1 5 5 5 6; "$tool" npy y.npy 4 0 0 1 1
"$tool" weights w.safetensors encoder.dense1.w 2,2 1,0,0,1 encoder.dense1.b 2 0 encoder.dense2.w 2,2 0 encoder.dense2.b 2 0 \
    decoder.dense1.w 2,2 0 decoder.dense1.b 2 0
build named named --cc "$work/cc" && {
    said=$(./named eval --json --split train --weights w.safetensors)
    is() { near "names: $1" "$(echo "$said" | field "train/$1")" "$2" 1e-9; }
    # where all codes are alike, the first of the other rows is the nearest, and the first class the likeliest
    is knn 0.5; is "knn(h)" 1; is "knn(x)" 1
    is linear_probe 0.5; is "linear_probe(h)" 1
    is active_units 0; is "active_units(h)" 2
}
