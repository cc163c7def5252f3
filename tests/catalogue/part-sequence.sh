# part-sequence.sh -- read by run.sh: sequences, recurrent and by attention (19, 20).

# ---- 20: what attention is --------------------------------------------------------------------------------------
# All values 1 and the output as it is: a row of attention that sums to 1 gives 1, and the residual adds it.
unit="1,0,0,0,0,0,0,1,0,0,0,0,0,0,1,0,0,0,0,0,0,1,0,0,0,0,0,0,1,0,0,0,0,0,0,1"
some="0.7,-1.1,0.4,0.9,-0.3,1.6,-0.8,0.2,1.2,-0.5,0.6,-1.4,0.3"
heads() {       # heads WV BV: weights of attention whose values are made by these
    "$tool" weights w.safetensors encoder.attention1.wq 6,2,3 $some encoder.attention1.wk 6,2,3 "-0.6,$some" \
        encoder.attention1.wv 6,2,3 "$1" encoder.attention1.wo 2,3,6 $unit encoder.attention1.bq 2,3 $some encoder.attention1.bk 2,3 0.2 \
        encoder.attention1.bv 2,3 $2 encoder.attention1.bo 6 0 decoder.dense1.w 6,6 0 decoder.dense1.b 6 0
}
steps="0.3 -1.2 0.8 2.1 -0.4 0.6   1.5 0.2 -0.9 0.1 0.7 -1.8   -0.5 0.9 1.1 -2.2 0.4 0.3   0.6 -0.7 -0.1 1.9 -1.3 0.2"
codes() { ./heads encode --weights w.safetensors -o z.npy > log 2>&1 && "$tool" get z.npy || bad "20: encode" "$(cat log)"; }
quickly heads heads --real f64 && {
    heads 0 1; "$tool" npy x.npy 1,4,6 $steps
    worst=$(codes | awk -v x="$steps" '{ split(x, s, " "); for (k = 1; k <= 24; k++) { d = $k - s[k] - 1; if (d < 0) d = -d; if (d > worst) worst = d } print NF == 24 ? worst : "" }')
    holds "20: rows of attention sum to 1" "\"$worst\" != \"\" && $worst < 1e-6"
    # Without positions other places of the steps give other places of the codes: steps 3 1 4 2.
    heads "$some" 0.1; a=$(codes)
    "$tool" npy x.npy 1,4,6 $(echo $steps | awk '{ split("3 1 4 2", p, " "); for (t = 1; t <= 4; t++) for (k = 1; k <= 6; k++) print $((p[t] - 1) * 6 + k) }')
    worst=$(printf '%s\n%s\n' "$a" "$(codes)" | awk 'NR == 1 { for (k = 1; k <= 24; k++) a[k] = $k; next }
        { split("3 1 4 2", p, " "); for (t = 1; t <= 4; t++) for (k = 1; k <= 6; k++) { d = $((t - 1) * 6 + k) - a[(p[t] - 1) * 6 + k]; if (d < 0) d = -d
            if (d > worst) worst = d; e = $((t - 1) * 6 + k) - a[(t - 1) * 6 + k]; moved += e * e } print worst, moved }')
    holds "20: without positions attention goes with the steps" "\"$worst\" != \"\" && ${worst% *} + 0 < 1e-5 && ${worst#* } + 0 > 0.1"
}
# What lies beyond the end of a line has no weight: with room for twice as many words the codes are the same.
printf 'one two three\nfour\none four two three five\nsix two\n' > lines.txt
quickly lengths short --real f64 && quickly lengths long --real f64 -D most=12 && {
    train short && for name in short long; do ./$name encode --split train --weights short.run -o $name.npy > log 2>&1 || bad "20: encode $name" "$(cat log)"; done
    worst=$(printf '%s\n%s\n' "$("$tool" get short.npy)" "$("$tool" get long.npy)" | awk 'NR == 1 { n = NF; for (k = 1; k <= NF; k++) a[k] = $k; next }
        { for (k = 1; k <= NF; k++) { d = $k - a[k]; if (d < 0) d = -d; if (d > worst) worst = d } print n == 32 && NF == n ? worst + 0 : "" }')
    holds "20: beyond the end of a line nothing counts" "\"$worst\" != \"\" && $worst < 1e-12"
}

# Written back from one code: where no line has a word there is no gradient at all, and with one word there is.
sed 's/16, 64/16, 12/; s/^    dense(64)/    dense(12)/; s/train = text(.*/train = text("lines.txt")/; /test = /d' "$here/../../examples/sentences.ae" > sentences.ae
quickly sentences sentences && {
    grad sentences
    for net in encoder decoder; do
        try "20: $net, steps that no line has get no gradient, and all others some" awk -v g="$(of $net.positions1.p)" 'BEGIN { n = split(g, v, " "); if (n != 16 * 32) exit 1
            for (t = 0; t < 16; t++) { sum = 0; for (k = 1; k <= 32; k++) sum += v[t * 32 + k]^2; if ((t < 6) != (sum > 0)) exit 1 } }'
    done
}

# ---- 19: what an LSTM begins with ------------------------------------------------------------------------------------
printf 'abcdefghab\nhgfedcbahg\n' > strings.txt
sed 's/lr = [^)]*/lr = 1e-12/' copy.ae > begins.ae
quickly begins begins && train begins --epochs 1 && for net in encoder decoder; do
    try "19: $net, the gate that forgets begins open and the others half" test "$("$tool" get begins.run/model.safetensors $net.lstm1.b | tr ' ' '\n' | grep . | awk '{ printf "%s%d", NR % 64 == 1 ? " " : "", $1 + 0.5 }' | tr -s '01' | tr '\n' ' ')" = " 0 1 0 0"
done

# ---- 19, 20: copying -------------------------------------------------------------------------------------------------
if [ "$what" = all ]; then      # no string twice: those of the test were not trained on
    awk 'BEGIN { s = 11; while (n < 240000) { line = ""; for (k = 0; k < 10; k++) { s = s * 16807 % 2147483647; line = line sprintf("%c", 97 + int(s / 65536) % 8) }
        if (!seen[line]++) { n++; print line } } }' > strings.txt
    build copy copy && train copy && holds "19: an LSTM copies 99 of 100 new strings" "$(./copy eval --json --weights copy.run | field test/reconstruct.exact) > 0.99"
    build copy_attention copy_attention && train copy_attention \
        && holds "20: and attention too" "$(./copy_attention eval --json --weights copy_attention.run | field test/reconstruct.exact) > 0.99"
fi
