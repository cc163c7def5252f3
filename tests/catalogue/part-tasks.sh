# part-tasks.sh -- read by run.sh: what is found in pictures, pairs of two kinds, a student and its teacher (119 to 151).

scenes=$here/../../data/scenes

# ---- 119: what is not like the training rows --------------------------------------------------------------------------------
if [ "$what" = all ]; then
    build "$here/../../examples/anomaly" anomaly && train anomaly && {
        area=$(./anomaly score --json --weights anomaly.run -o scores.csv | field auc)
        holds "119: ones from all other digits, area under the curve $area" "$area > 0.95"
        holds "119: and their errors are less, on average" "$(awk -F, 'NR > 1 { n[$NF == 1]++; s[$NF == 1] += $1 } END { print (n[0] > 300 && n[1] > 20) * (s[0] / n[0] - s[1] / n[1]) }' scores.csv) > 0"
        # the fifth that is worst holds hardly a one
        share=$(sort -t, -k1,1gr scores.csv | head -n 70 | awk -F, '$NF == 1' | wc -l)
        holds "119: none of them among the fifth that scores highest" "$share == 0"
    }
    # ---- 124: which digits are in a picture ----
    [ ! -e "$here/../../data/scenes/test-some-tags.npy" ] || {
        cp "$scenes"/*-some-x.npy "$scenes"/*-some-tags.npy .
        build present present && train present && holds "124: mean average precision of ten digits" "$(./present eval --json --weights present.run | field test/tags.map) > 0.96"
    }
fi

# ---- 121: boxes ---------------------------------------------------------------------------------------------------------
apart() {       # apart "BOX" "TRUE" GIOU HUBER: by hand
    "$tool" npy x.npy 1,4 $1; "$tool" npy b.npy 1,1,4 $2
    grad boxes --weights w.safetensors
    near "121: $1 for $2" "$(of loss.apart)" "$3" 1e-6
    near "121: $1 for $2, smooth" "$(of loss.smooth)" "$4" 1e-6
}
quickly boxes boxes && {
    "$tool" weights w.safetensors moved.dense1.w 4,4 1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1 moved.dense1.b 4 0
    apart "3 1 4 2" "3 1 4 2" 0 0
    apart "0 0 2 2" "1 1 2 2" "$(awk 'BEGIN { printf "%.9g", 2 - 1 / 7 - 7 / 9 }')" 0.25          # half of two squares of 1, of four
    apart "0 0 1 1" "4 0 1 1" "$(awk 'BEGIN { printf "%.9g", 2 - 0 - 2 / 5 }')" 0.875
    apart "1 1 -2 3" "1 1 2 2" "$(awk 'BEGIN { printf "%.9g", 2 - 0 - 4 / 6 }')" 1                # no width, no overlap
    "$tool" npy x.npy 3,4 0 0 2 3 0 0 2 1 0 0 0 9; "$tool" npy b.npy 3,1,4 0 0 2 2 0 0 2 2 1 1 2 0
    near "121: 4 of 6 is found, 2 of 4 is not, no box is not missed" "$(./boxes eval --json --weights w.safetensors | field train/smooth.found)" "$(awk 'BEGIN { printf "%.9f", 2 / 3 }')" 1e-8
    # boxes that do not touch are pulled together: to the right, and wider
    "$tool" npy x.npy 1,4 0 0 1 1; "$tool" npy b.npy 1,1,4 4 0 1 1; grad boxes --weights w.safetensors
    read -r by_left _ by_width _ <<< "$(of moved.dense1.b)"
    holds "121: slopes $by_left, $by_width of boxes that do not touch" "$by_left < 0 && $by_width < 0"
    "$tool" npy x.npy 3,4 0.2 0.1 1.3 1.1 3.1 0.4 2.2 0.7 -1 2 0.5 0.6; "$tool" npy b.npy 3,1,4 1 1 2 2 3 0 2 3 4 4 1 1
    quickly boxes boxes_check --gradcheck && try "121: slopes against differences" ./boxes_check gradcheck --weights w.safetensors
}

# ---- 121, 122: where digits are, and which pixels are theirs ------------------------------------------------------------
# What is held of the examples themselves stands in their heads. Each pixel's classes are alike at the start.
if [ "$what" = quick ]; then :
elif [ ! -e "$scenes/test-some-map.npy" ]; then echo "skipped 121, 122 and 124: \`make data\` writes pictures of digits"
else
    build "$here/../../examples/segmentation" segmentation && {
        grad segmentation; near "122: a pixel costs log 11 at the start" "$(awk "BEGIN { print $(of loss) / 576 }")" "$(awk 'BEGIN { print log(11) }')" 0.25
    }
fi

# ---- 134: pairs of two kinds -------------------------------------------------------------------------------------------------
quickly named_pairs named_pairs --real f64 && {
    "$tool" weights w.safetensors f.dense1.w 3,3 1,0,0,0,1,0,0,0,1 f.dense1.b 3 0 g.dense1.w 3,3 1,0,0,0,1,0,0,0,1 g.dense1.b 3 0
    for b in 1 3 6; do
        "$tool" npy x.npy $b,3 1 2 -1; "$tool" npy y.npy $b,3 -2 1 3
        grad named_pairs --weights w.safetensors
        near "134: $b pairs all alike" "$(of loss.warm)" "$(awk "BEGIN { printf \"%.12g\", log($b) }")" 1e-9
    done
    "$tool" npy x.npy 2,3 1 0 0 0 3 0; "$tool" npy y.npy 2,3 2 0 0 0 0.5 0; grad named_pairs --weights w.safetensors
    near "134: two pairs at right angles" "$(of loss.warm)" "$(awk 'BEGIN { printf "%.12g", log(1 + exp(-2)) }')" 1e-9
    near "134: two pairs at right angles, colder" "$(of loss.cold)" "$(awk 'BEGIN { printf "%.12g", log(1 + exp(-10)) }')" 1e-9
    found() { ./named_pairs eval --json --weights w.safetensors | sed -n 's|.*"train/retrieved(f(x), g(y))": \([^,}]*\).*|\1|p'; }
    near "134: each finds its own" "$(found)" 1 0
    "$tool" npy x.npy 3,3 1 0 0 0 3 0 0 0 1; "$tool" npy y.npy 3,3 0 1 0 1 0 0 0 0 1
    near "134: two of three find another's" "$(found)" "$(awk 'BEGIN { printf "%.9f", 1 / 3 }')" 1e-8
    # turned about, the loss is the same
    "$tool" npy x.npy 4,3 1 0.2 -0.3 0.5 3 0.7 -2; "$tool" npy y.npy 4,3 2 0 0.4 0.1 0.5 -0.6 1.5 0.3
    grad named_pairs --weights w.safetensors; a=$(of loss.warm); mv x.npy t.npy; mv y.npy x.npy; mv t.npy y.npy; grad named_pairs --weights w.safetensors
    near "134: pictures and words may be exchanged" "$a" "$(of loss.warm)" 1e-12
}

# ---- 151: a student and its slow copy -------------------------------------------------------------------------------------
xs="1 2 -1 0.5 0.25 -2 0.125 1 2 -1 0.5 0.25" ys="0.375 -0.25 1.25 0.75 0.5 0.375 -0.25 1.25 0.75 0.5 0.375 -0.25"
"$tool" npy x.npy 4,3 $xs; "$tool" npy y.npy 4,3 $ys
"$tool" weights w.safetensors f.dense1.w 3,3 2,0,0,0,2,0,0,0,2 f.dense1.b 3 0.5,0,-1 slow.dense1.w 3,3 0 slow.dense1.b 3 0 \
    task.distil1.centre 3 0.125,0.25,-0.5
quickly distil distil --real f64 && {
    # The copy is made when the phase begins. Both say 2 x + b of each look; the teacher's, less the centre and sharpened
    # four times, is what the student is to say of the other look.
    read -r want c1 c2 c3 <<< "$(awk -v xs="$xs" -v ys="$ys" 'BEGIN { split(xs, x, " "); split(ys, y, " "); split("0.5 0 -1", b, " "); split("0.125 0.25 -0.5", c, " ")
        for (n = 0; n < 4; n++) for (look = 0; look < 2; look++) { p = q = 0
            for (j = 1; j <= 3; j++) { u = 2 * x[3 * n + j] + b[j]; v = 2 * y[3 * n + j] + b[j]; t = look ? v : u; mean[j] += t / 8
                T[j] = exp((t - c[j]) * 4); p += T[j]; S[j] = 2 * (look ? u : v); q += exp(S[j]) }
            for (j = 1; j <= 3; j++) loss += T[j] / p * (log(q) - S[j]) / 8 }
        printf "%.12g", loss; for (j = 1; j <= 3; j++) printf " %.12g", 0.9 * c[j] + 0.1 * mean[j] }')"
    grad distil --weights w.safetensors; near "151: the student's surprise" "$(of loss)" "$want" 1e-10
    if of slow.dense1.w | grep -q .; then bad "151: the teacher has no gradient"; else ok; fi
    for epochs in 1 2; do ./distil train --quiet --epochs $epochs --weights w.safetensors --out distil.$epochs > log 2>&1 || bad "151: train" "$(cat log)"; done
    after() { "$tool" get distil.$1/model.safetensors "$2"; }
    i=0; for c in $c1 $c2 $c3; do i=$((i + 1)); near "151: centre $i" "$(after 1 task.distil1.centre | cut -d' ' -f$i)" $c 1e-12; done
    for name in w b; do
        worst=$(echo "$(after 1 slow.dense1.$name) $(after 2 f.dense1.$name) $(after 2 slow.dense1.$name)" | awk '{ n = NF / 3
            for (k = 1; k <= n; k++) { d = $(2 * n + k) - 0.75 * $k - 0.25 * $(n + k); if (d < 0) d = -d; if (d > worst) worst = d } print NF && NF % 3 == 0 ? worst + 0 : "" }')
        holds "151: the teacher's $name is the average, off by $worst" "\"$worst\" != \"\" && $worst + 0 < 1e-12"
        holds "151: and the student's moves" "\"$(after 1 f.dense1.$name)\" != \"$(after 2 f.dense1.$name)\""
    done
}
