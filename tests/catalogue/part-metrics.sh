# part-metrics.sh -- read by run.sh: metrics of what tasks predict against numbers by hand, and made-up pictures.

# ---- metrics of tasks, with a head that passes its input on --------------------------------------------------------------
passing() {     # passing NAME INPUT LABEL HEAD PREDICT METRIC
    printf 'ae 1\nmodel %s\ninput x : %s\nlabel y : %s\ndata { train = npy("px.npy", "py.npy") }\ndownstream t { net head { %s }\n predict y %s }\nevaluate { %s }\ntrain { epochs = 1 }\n' "$@" > $1.ae
    quickly $1 $1
}
said() { ./$1 eval --json --split train --weights w.safetensors 2> log | tr -d '{}"' | tr ',' '\n' | sed -n "s|^ *train/t.$2: *||p"; }
passing auc3 'vector(2)' 'class(2)' 'dense(2)' '~ categorical(head(x))' 'auc map' && {
    "$tool" weights w.safetensors t.head.dense1.w 2,2 1,0,0,1 t.head.dense1.b 2 0
    "$tool" npy px.npy 4,2 0 0.1 0 0.4 0 0.35 0 0.8; "$tool" npy py.npy 4 0 0 1 1
    near "auc of 0.1 0.4 | 0.35 0.8" "$(said auc3 auc)" 0.75 1e-9
    near "average precision of the same" "$(said auc3 map)" 0.833333333 1e-8
    "$tool" npy py.npy 4 0 1 0 1
    near "auc when all positives lead" "$(said auc3 auc)" 1 1e-9
}
passing tags 'vector(2)' 'labels(2)' 'dense(2)' '~ bernoulli(head(x))' 'auc(t) map(t)' && {
    "$tool" weights w.safetensors t.head.dense1.w 2,2 1,0,0,1 t.head.dense1.b 2 0
    "$tool" npy px.npy 4,2 1 1 2 2 3 3 4 4; "$tool" npy py.npy 4,2 0 1 0 1 1 0 1 0
    near "auc is the mean over answers: 1 and 0" "$(said tags auc)" 0.5 1e-9
    near "map too: 1 and (1/3 + 2/4) / 2" "$(said tags map)" "$(awk 'BEGIN { printf "%.9f", (1 + (1 / 3 + 0.5) / 2) / 2 }')" 1e-8
}
passing seg 'image(2, 2, 2)' 'classmap(2, 2, 2)' 'conv(2, kernel = 1)' '~ categorical(head(x))' iou && {
    "$tool" weights w.safetensors t.head.conv1.f 2,2,1,1 1,0,0,1 t.head.conv1.b 2 0
    "$tool" npy px.npy 1,2,2,2 1 1 0 0 0 0 1 1; "$tool" npy py.npy 1,2,2 0 0 0 1        # says 0 0 1 1
    near "iou: two of three, one of two" "$(said seg iou)" "$(awk 'BEGIN { printf "%.9f", (2 / 3 + 1 / 2) / 2 }')" 1e-8
}
passing box 'vector(4)' 'boxes(1, 4)' 'dense(4) reshape(1, 4)' 'by mse(head(x))' iou && {
    "$tool" weights w.safetensors t.head.dense1.w 4,4 1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1 t.head.dense1.b 4 0
    "$tool" npy px.npy 2,4 0 0 2 2 5 5 1 1; "$tool" npy py.npy 2,1,4 1 1 2 2 0 0 1 1
    near "iou of boxes: 1 of 7, and none" "$(said box iou)" "$(awk 'BEGIN { printf "%.9f", (1 / 7) / 2 }')" 1e-8
}

# ---- settings of data and metrics are numbers as others are ------------------------------------------------------------------
cat > settings.ae <<'END'
ae 1
model settings

set some = 90
set first = 3

input x : image(1, 8, 8)
label y : class(10)

data {
    train = digits()
    test = some / 900
    rows = 10 * some
    only = [first, first + 1]
    scale = -first + 2..first - 2
}

encoder { flatten }
bottleneck z = { linear }
decoder { dense(64) }
reconstruct x by mse

evaluate { knn(z, k = first - 2) }

train { epochs = 1 }
END
quickly settings settings && {
    "$tool" weights w.safetensors decoder.dense1.w 64,64 0 decoder.dense1.b 64 0
    for split in train test; do ./settings score --split $split --weights w.safetensors -o $split.csv > log 2>&1 || bad "settings" "$(cat log)"; done
    got="$(sed 1d train.csv | cut -d, -f2 | sort | uniq -c | awk '{ n += $1; s = s $2 " " } END { print s (n > 120 && n < 200) }') $(sed 1d test.csv | wc -l)"
    if [ "$got" = "3 4 1 90" ]; then ok; else bad "settings: rows, only and test in terms of \`set\`" "$got"; fi
    near "settings: scale too" "$(./settings encode --weights w.safetensors -o z.npy > log 2>&1; "$tool" get z.npy | tr ' ' '\n' | sort -g | sed -n 2p)" -1 0
}

# ---- cifar, shapes ------------------------------------------------------------------------------------------------------------
printf 'ae 1\nmodel c10\ninput x : image(3, 32, 32)\nlabel y : class(10)\ndata {\n    train = cifar("c.bin")\n    scale = 0..1\n}\nencoder { flatten linear }\ndecoder { dense(3072) }\nreconstruct x by mse\ntrain { epochs = 1 }\n' > c10.ae
{ printf '\007'; head -c 3072 /dev/zero | tr '\0' '\377'; printf '\002'; head -c 3072 /dev/zero; } > c.bin
quickly c10 c10 && {
    "$tool" weights w.safetensors decoder.dense1.w 3072,3072 0 decoder.dense1.b 3072 0
    ./c10 encode --split train --weights w.safetensors -o c.npy > log 2>&1 || bad "cifar" "$(cat log)"
    near "cifar: white is 1 and black is 0" "$("$tool" get c.npy | tr ' ' '\n' | awk '{ s += $1 } END { print s }')" 3072 0
    printf x >> c.bin
    ./c10 encode --split train --weights w.safetensors -o c.npy > log 2>&1
    if grep -q 'c.bin: has 6147 bytes' log; then ok; else bad "cifar: a damaged file is named" "$(cat log)"; fi
}
cat > seen.ae <<'END'
ae 1
model seen

input x : image(1, 12, 12)
label m : classmap(5, 12, 12)
label b : boxes(1, 4)

data { train = shapes(n = 1500, noise = 0.05) }

encoder { conv(8, kernel = 3, pad = 1) relu }

downstream pixels {
    net head { conv(8, kernel = 5, pad = 2) relu conv(5, kernel = 3, pad = 1) }
    predict m ~ categorical(head(encoder(x)))
}

downstream around {
    net head { flatten dense(64) relu dense(4) reshape(1, 4) }
    predict b by mse(head(encoder(x)))
}

evaluate { iou }

train {
    optimizer = adam(lr = 5e-3)
    batch = 25
    epochs = 6
}
END
[ "$what" = all ] && build seen seen && train seen && {
    out=$(./seen eval --json --weights seen.run)
    holds "shapes: their pixels are found" "$(echo "$out" | field test/pixels.iou) > 0.5"
    holds "shapes: and the boxes around them" "$(echo "$out" | field test/around.iou) > 0.3"
}
