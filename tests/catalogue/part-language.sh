# part-language.sh -- read by run.sh: inputs, sources, metrics and exports that need more than their row of a table.

# ---- an image of levels -------------------------------------------------------------------------------------------
"$tool" npy x.npy 2,2,1,2 0 2 1 0 2 2 1 1
"$tool" weights w.safetensors decoder.dense1.w 4,12 0 decoder.dense1.b 12 0.5,-1,2,0,0.25,1,-0.5,3,0.75,0.1,-2,1.5
quickly levels levels && {
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

# ---- 40: columns of categories, as text -----------------------------------------------------------------------------
printf 'size,colour,price\nM,red,3\nS,blue,1\nM,green,2\n' > table.csv
printf 'ae 1\nmodel table\ninput x : tokens(2, 5)\ndata { train = csv("table.csv", columns = ["colour", "size"]) }\nencoder { embedding(1) flatten }\ndecoder { dense(10) reshape(2, 5) }\nreconstruct x ~ categorical\ntrain { epochs = 1 }\n' > table.ae
"$tool" weights w.safetensors encoder.embedding1.e 5,1 0,1,2,3,4 decoder.dense1.w 2,10 0 decoder.dense1.b 10 0
quickly table table && {
    ./table train --quiet --weights w.safetensors --out table.run > log 2>&1 || bad "40: train" "$(cat log)"
    grad table --weights w.safetensors; near "40: two columns, all words of five alike" "$(of loss)" "$(awk 'BEGIN { printf "%.9g", 2 * log(5) }')" 1e-6
    numbers() { ./table encode --weights w.safetensors "${@:2}" -o z.npy > log 2>&1; [ "$("$tool" get z.npy)" = "$1" ] && ok || bad "40: categories are numbered: $1" "$("$tool" get z.npy) $(cat log)"; }
    numbers "4 0 2 1 3 0"       # M S blue green red
    ./table reconstruct --weights table.run -o p.csv > log 2>&1 || bad "40: reconstruct" "$(cat log)"
    try "40: each column's chances add up to 1" awk -F, 'NR > 1 { for (c = 0; c < 2; c++) { s = 0; for (k = 1; k < 6; k++) s += $(c * 5 + k); worst += (s - 1)^2 } n++ } END { exit !(n == 3 && worst < 1e-12) }' p.csv
    printf 'colour,size\nred,XL\n' > other.csv; ./table eval --test other.csv --weights table.run > log 2>&1
    [ "$(cat log)" = 'error: other.csv:2: the class "XL" is not in the training data' ] && ok || bad "40: a word that is not known" "$(cat log)"
    printf 'colour,size\nred,\n' > other.csv; ./table eval --test other.csv --weights table.run > log 2>&1
    [ "$(cat log)" = 'error: other.csv:2: column 2 (size): "" is no number' ] && ok || bad "40: an empty cell" "$(cat log)"
}

# ---- what is written at computed places is no result ------------------------------------------------------------------
"$tool" npy x.npy 1,4 1 2 3 4
"$tool" weights w.safetensors z.mu.dense1.w 4,3 0 z.mu.dense1.b 3 1,2,-1 decoder.dense1.w 3,4 0 decoder.dense1.b 4 0
quickly local local && {
    said=$(./local eval --json --split train --weights w.safetensors)
    near "local: the likelihood's terms" "$(echo "$said" | field train/reconstruct)" 58 1e-6
    near "local: the loss's value" "$(echo "$said" | field 'train/of_halves(x)')" 21 1e-6
    ./local encode --weights w.safetensors -o z.npy > log 2>&1; [ "$("$tool" get z.npy)" = "3 6 -3" ] && ok || bad "local: the latent's mean" "$("$tool" get z.npy) $(cat log)"
}

# ---- a copy has the nets of its layers ----------------------------------------------------------------------------------
quickly copied copied && {
    "$aec" show copied.ae > log; grep -q '^encoder.mixed1  *mixed(3), 2 times  *3 ' log && ok || bad "show: a layer's result is not what its own net takes" "$(grep mixed1 log)"
    grad copied; near "copied: alike at first" "$(of loss.follow)" 0 1e-12
    train copied && near "copied: alike after each step" "$(tail -n 1 copied.run/metrics.jsonl | field train/follow)" 0 1e-12
    for name in w inner.dense1.w inner.dense1.b; do
        holds "copied: $name follows" "\"$("$tool" get copied.run/model.safetensors encoder.mixed1.$name)\" == \"$("$tool" get copied.run/model.safetensors follow.slow.encoder.mixed1.$name)\""
    done
}

# ---- metrics of what has a name -------------------------------------------------------------------------------------
"$tool" npy x.npy 4,2 0 0 0 1 5 5 5 6; "$tool" npy y.npy 4 0 0 1 1
"$tool" weights w.safetensors encoder.dense1.w 2,2 1,0,0,1 encoder.dense1.b 2 0 encoder.dense2.w 2,2 0 encoder.dense2.b 2 0 \
    decoder.dense1.w 2,2 0 decoder.dense1.b 2 0
quickly named named && {
    said=$(./named eval --json --split train --weights w.safetensors)
    is() { near "names: $1" "$(echo "$said" | field "train/$1")" "$2" 1e-9; }
    # where all codes are alike, the first of the other rows is the nearest, and the first class the likeliest
    is knn 0.5; is "knn(h)" 1; is "knn(x)" 1
    is linear_probe 0.5; is "linear_probe(h)" 1
    is active_units 0; is "active_units(h)" 2
}

# ---- pairs of sentences ---------------------------------------------------------------------------------------------
printf 'A b, a\tun deux\r\n\nb a b b b a\tdeux!\n7\tdeux un un UN z\n' > pairs.tsv
"$tool" weights w.safetensors decoder.dense1.w 9,32 0 decoder.dense1.b 32 0
cp "$here/sentences.ae" sentences.ae
quickly sentences sentences && {
    pair() { ./sentences encode --split train --weights w.safetensors -o z.npy "${@:2}" > log 2>&1; [ "$("$tool" get z.npy)" = "$1" ] && ok || bad "pairs: $1" "$("$tool" get z.npy) $(cat log)"; }
    # left: b 5 times, a 4; right: un 4 times, deux 3, z once
    pair "5 4 5 2 4 5 2 0 0 4 5 4 4 5 2 0 0 0 2 0 0 0 5 4 4 4 6"
    printf '1 B\tx' > other.tsv
    pair "4 2 0 0 4 2 0 0 0" --train other.tsv
    broken() { printf "$1" > broken.tsv; ./sentences train --train broken.tsv > log 2>&1; [ $? = 1 ] && [ "$(cat log)" = "error: broken.tsv: $2" ] && ok || bad "pairs: $2" "$(cat log)"; }
    broken 'a\tb\nno tab\n' 'line 2 has no tab; a pair is two sentences with a tab between them'
    broken 'a\tb\n\nc\td\te\n' 'line 3 has more than one tab; `cut -f 1,2` keeps the first two parts of each line'
    broken '\tb\n' 'line 1 has nothing before its tab'
    broken 'a\tb\nb\t\r\n' 'line 2 has nothing behind its tab'
    broken '\n\n' 'there are no pairs in it'
    broken '1\t2\n' 'there are no words in it'
    broken 'a\tb\000\n' 'has a 0 byte; is this a text file?'
    : > broken.tsv; ./sentences train --train broken.tsv > log 2>&1; grep -q 'broken.tsv' log && ok || bad "pairs: empty" "$(cat log)"
    ./sentences train --train missing.tsv > log 2>&1; grep -q 'missing.tsv: No such file' log && ok || bad "pairs: missing" "$(cat log)"
}
sed 's/^label.*//; s/y\[n, u\] of w/y[n, u] of w = x/' "$here/sentences.ae" > one.ae
quickly one one && { ./one train > log 2>&1; [ "$(cat log)" = 'error: pairs gives two sentences: it needs `input x : tokens(t, vocab)` and `label y : tokens(t, vocab)`' ] && ok || bad "pairs: no label" "$(cat log)"; }

# ---- export: what the trainer computes, without it --------------------------------------------------------------------
same_numbers() { paste <(tr ' ' '\n' <<< "$1" | grep .) <(tr ' ' '\n' <<< "$2" | grep .) | awk 'NF != 2 { bad = 1 } { d = $1 - $2; if (d < -1e-5 || d > 1e-5) bad = 1 } END { exit bad || NR == 0 }'; }
exported() {    # exported MODEL PROGRAM TAKES IN OUT DATA [FLAGS]: the C gives what the trainer gives
    gcc -I. -D_GNU_SOURCE -std=c11 -O1 -Wall -Wextra -Werror -DHEADER="\"$1_c.h\"" -DCALL="$1_$2" -DTAKES="$3" -DIN="$4" -DOUT="$5" "${@:7}" "$here/exported.c" "$1_c.c" -o call -lm > log 2>&1 \
        || { bad "export $1 $2" "$(cat log)"; return; }
    same_numbers "$("$tool" get "$6" | ./call)" "$("$tool" get "$1.$2.npy")" && ok || bad "export $1 $2" "$("$tool" get "$6" | ./call | head -c 300) / $("$tool" get "$1.$2.npy" | head -c 300)"
}
"$tool" npy z.npy 6,2,1,2 1; "$tool" npy x.npy 6,2,1,2 0 2 1 0 2 2 1 1 0 1 2
"$tool" weights w.safetensors decoder.dense1.w 4,12 0.3,-0.2,0.1,0.7 decoder.dense1.b 12 0.5,-1,2,0,0.25,1,-0.5,3,0.75,0.1,-2,1.5
quickly levels levels && ./levels export --c -o levels_c.c --weights w.safetensors > log 2>&1 && {
    ./levels encode --weights w.safetensors -o levels.encode.npy > log 2>&1; ./levels reconstruct --weights w.safetensors -o levels.reconstruct.npy > log 2>&1
    exported levels encode int32_t 4 4 x.npy
    exported levels reconstruct int32_t 4 4 x.npy -DCODE=4
} || bad "export levels" "$(cat log)"
cp "$here/../../examples/batch_norm.ae" . && quickly batch_norm batch_norm && train batch_norm --epochs 2 && {
    "$tool" npy z.npy 5,64 8; "$tool" noise z.npy 4 rows.npy
    for program in encode reconstruct; do ./batch_norm $program --test rows.npy --split test --weights batch_norm.run -o batch_norm.$program.npy > log 2>&1 || bad "$program" "$(cat log)"; done
    ./batch_norm decode batch_norm.encode.npy --weights batch_norm.run -o batch_norm.decode.npy > log 2>&1 || bad "decode" "$(cat log)"
    ./batch_norm export --c --weights batch_norm.run -o batch_norm_c.c > log 2>&1 || bad "export" "$(cat log)"
    exported batch_norm encode float 64 8 rows.npy -DSCALE=batch_norm_scale_x
    exported batch_norm reconstruct float 64 64 rows.npy -DSCALE=batch_norm_scale_x -DCODE=8
    exported batch_norm decode float 8 64 batch_norm.encode.npy
    ./batch_norm export --c --name decode --weights batch_norm.run -o batch_norm_c.c > log 2>&1 || bad "export decode" "$(cat log)"
    if grep -q 'encoder\|_encode' batch_norm_c.c batch_norm_c.h; then bad "export: the decoder alone has nothing of the encoder" "$(grep -n encode batch_norm_c.[ch] | head -3)"; else ok; fi
    exported batch_norm decode float 8 64 batch_norm.encode.npy
    ./batch_norm export --safetensors --weights batch_norm.run -o weights.safetensors > log 2>&1 && cmp -s weights.safetensors batch_norm.run/model.safetensors && ok || bad "export --safetensors" "$(cat log)"
    ./batch_norm export --c --name encode --weights batch_norm.run -o batch_norm_c.c > log 2>&1 || bad "2: export encode" "$(cat log)"
    gcc -c batch_norm_c.c -o half.o && if nm half.o | grep -q 'T batch_norm_encode' && ! nm half.o | grep -qi 'decode'; then ok; else bad "2: the encoder alone has no symbol of the decoder" "$(nm half.o)"; fi
    exported batch_norm encode float 64 8 rows.npy -DSCALE=batch_norm_scale_x
    says() { local want=$1; shift; "$@" > log 2>&1; [ $? = 2 ] && [ "$(cat log)" = "$want" ] && ok || bad "$want" "$(cat log)"; }
    says 'error: export takes one of --c (a header and a C file), --onnx and --safetensors (the weights)' ./batch_norm export
    says 'error: -o net.onnx: the name ends in .c' ./batch_norm export --c -o net.onnx
    says 'error: --name encod: no such program can be exported; did you mean encode?' ./batch_norm export --c --name encod --weights batch_norm.run
}

# ---- aec show --graph ---------------------------------------------------------------------------------------------------
sed 's/^encoder.*/loss a_b { in a[n, ..], x[n, ..]\n value[n] = sum(..) (a[n, ..] < x[n, ..]) }\n&/; s/reshape(6, 1, 2)/reshape(2 * 3, 1 < 2 ? 1 : 2, 2)/' "$here/levels.ae" > drawn.ae
"$aec" show drawn.ae --graph drawn.svg > log 2>&1 || bad "show --graph" "$(cat log)"
# x, intensity, flatten, dense, reshape, the term; a way between each two, and from x to the term
[ "$(grep -c '^<rect' drawn.svg) $(grep -c '^<path d="M' drawn.svg)" = "7 6" ] && ok || bad "show --graph: boxes and ways" "$(grep -c '^<rect' drawn.svg) $(grep -c '^<path d="M' drawn.svg)"
grep -q '>reshape(2 \* 3, 1 &lt; 2 ? 1 : 2.*<' drawn.svg && grep -q 'decoder.dense1, 12, 60 parameters' drawn.svg && ok || bad "show --graph: words" "$(grep reshape drawn.svg)"
"$aec" show drawn.ae --graph none/drawn.svg > log 2>&1; [ $? = 1 ] && grep -q 'none/drawn.svg' log && ok || bad "show --graph: a folder that is not there" "$(cat log)"
