# part-regimes.sh -- read by run.sh: regimes of training (34, 107, 108, 113 to 115, 117).

examples=$here/../../examples
share() { "./$1" eval --json --weights "$2" "${@:4}" | field "test/$3"; }

# ---- 34, 107: rows without a label ---------------------------------------------------------------------------------
awk 'BEGIN { for (k = 0; k < 8; k++) h = h "p" k ","; print h "kind"; s = 7
    for (r = 0; r < 24; r++) { for (k = 0; k < 8; k++) { s = (s * 1103 + 12345) % 65536; printf "%.4f,", s / 65536 } print r % 3 ? "" : r % 4 } }' > some.csv
grep -v ',$' some.csv > labelled.csv
cat > blanks.ae <<'A'
ae 1
model blanks
input x : vector(8)
label kind : class(4)
data { train = csv("some.csv", target = "kind") }
encoder { dense(6) tanh }
decoder { dense(8) }
reconstruct x by mse
downstream kind_of {
    net head { dense(4) }
    predict kind ~ categorical(head(encoder(x)))
}
train { minimize = [kind_of] freeze = [decoder] }
A
quickly blanks blanks && {
    for file in some labelled; do grad blanks --train $file.csv; echo $(of loss) $(of encoder.dense1.w) $(of kind_of.head.dense1.w) > $file.grad; done
    if awk 'NR == FNR { for (k = 1; k <= NF; k++) a[k] = $k; n = NF; next } { for (k = 1; k <= NF; k++) { d = a[k] - $k; worst += d * d } all = NF }
        END { exit !(n == 73 && all == 73 && worst < 1e-11) }' some.grad labelled.grad; then ok
    else bad "34: rows without a label give a task no gradient" "$(cat some.grad labelled.grad)"; fi
    # 107: nor do they count in what is told of classes, and results leave their cell empty
    sed 's/^train/evaluate { knn(k = 1) linear_probe }\n\n&/' blanks.ae > told_blanks.ae
    quickly told_blanks told_blanks && train blanks && {
        for file in some labelled; do
            said=$(./told_blanks eval --json --split train --train $file.csv --weights blanks.run)
            echo "$(echo "$said" | field train/knn) $(echo "$said" | field train/linear_probe)"
            ./told_blanks cluster 3 --split train --train $file.csv --weights blanks.run --json | field rows
        done | xargs > counted
        read -r knn probe rows knn2 probe2 rows2 < counted
        if [ "$rows $knn $probe" = "24 $knn2 $probe2" ] && [ "$rows2" = 8 ]; then ok; else bad "107: rows without a label count for nothing" "$(cat counted)"; fi
        ./blanks score --split train --weights blanks.run -o scored.csv > log 2>&1; ./blanks encode --labels --split train --weights blanks.run -o coded.csv > log 2>&1
        for file in scored coded; do
            if [ "$(sed 's/.*,//' $file.csv)" = "$(sed 's/.*,//' some.csv)" ]; then ok; else bad "107: labels as they were, $file" "$(cat $file.csv log)"; fi
        done
        # 64: a map names the classes
        sed 's/,3$/,three/' some.csv > spelt.csv
        for file in some spelt; do
            ./blanks show map --span 3 --split train --train $file.csv --weights blanks.run -o $file.csv.png > log 2>&1 || bad "64: map" "$(cat log)"
        done
        if cmp -s some.csv.png spelt.csv.png; then bad "64: a map names the classes"; else ok; fi
        # 73: codes as features of another program
        sed 's/vector(8)/vector(6)/; s/some.csv/coded.csv/; s/encoder { .*/encoder { dense(6) tanh }/; s/dense(8)/dense(6)/' blanks.ae > on_codes.ae
        quickly on_codes on_codes && train on_codes && ok
    }
}

# ---- 108, 113, 117: phases, all at once or one by one ----------------------------------------------------------------
build "$examples/new_class" tenth && {
    ./tenth train --quiet --epochs 3 --out at_once.run > log 2>&1 && before= && for phase in base add all; do
        ./tenth train --quiet --epochs 3 --phase $phase $before --out $phase.run > log 2>&1 || bad "117: train" "$(cat log)"
        before="--weights $phase.run"
    done
    try "117: phases one by one leave the bits of all at once" "$tool" same at_once.run/model.safetensors all.run/model.safetensors ""
    for net in encoder first; do
        try "113: a class is added and $net keeps its bits" "$tool" same base.run/model.safetensors add.run/model.safetensors $net
        if "$tool" same add.run/model.safetensors all.run/model.safetensors $net > log; then bad "115: then $net learns too"; else ok; fi
    done
}
# ---- 111: a backbone under another head, in another file ---------------------------------------------------------------------
for head in "first four" "second two"; do
    set -- $head
    printf 'ae 1\nmodel %s\ninput x : vector(8)\nlabel kind : class(4)\ndata { train = csv("labelled.csv", target = "kind") }\nset width = 6\nencoder { dense(width) batchnorm tanh }\ndownstream %s {\n net head { dense(4) }\n predict kind ~ categorical(head(encoder))\n}\ntrain { epochs = 2%s }\n' \
        $1 $2 "$([ $1 = second ] && echo "  freeze = [encoder]")" > $1.ae
done
quickly first first && quickly second second && train first && {
    ./second train --quiet --weights first.run --take encoder --out second.run > log 2>&1 || bad "111: train" "$(cat log)"
    try "111: the backbone comes along, its running means too" "$tool" same first.run/model.safetensors second.run/model.safetensors encoder
    if "$tool" get second.run/model.safetensors two.head.dense1.w > log 2>&1; then ok; else bad "111: under a head of its own" "$(cat log)"; fi
    refused() { ./second train --quiet --out no.run "${@:2}" > log 2>&1; if [ $? != 0 ] && grep -qF -e "$1" log; then ok; else bad "111: $1" "$(cat log)"; fi; }
    refused "first.run/model.safetensors: does not fit the model second" --weights first.run
    refused "the model second has no parameters of that name" --weights first.run --take decoder
    refused "it has no two.head.dense1.w" --weights first.run --take encoder,two
    refused "--take needs --weights FILE" --take encoder
    quickly second narrow -D width=5
    ./narrow train --quiet --weights first.run --take encoder --out no.run > log 2>&1
    try "111: sizes that do not fit are named" grep -qF 'encoder.dense1.w is [8, 6] there and [8, 5] here' log
}

# The unit of a new class on fixed features is a convex problem: another start, the same end.
sed 's/^    labels = .*//; s/epochs = 300/epochs = 3000\n    schedule = cosine/; s/1e-4/1e-2/; s/lr = 1e-2/lr = 1e-1/' "$examples/new_class.ae" > convex.ae
sed 's/^    labels = .*//; s/lr = 1e-2/lr = 1/; s/epochs = 300/epochs = 10/' "$examples/new_class.ae" > elsewhere.ae
build convex convex && quickly elsewhere elsewhere && ./convex train --quiet --phase base --epochs 5 --out base.run > log 2>&1 \
    && ./elsewhere train --quiet --phase add --weights base.run --out far.run > log 2>&1 && {
    for from in base far; do
        grad convex --phase add --weights $from.run; begin=$(of loss)
        ./convex train --quiet --phase add --weights $from.run --out end.run > log 2>&1; grad convex --phase add --weights end.run
        declare "begin_$from=$begin" "end_$from=$(of loss)"
    done
    holds "113: the starts are not alike" "($begin_base - $begin_far)^2 > 1e-2"
    near "113: the ends are" "$end_base" "$end_far" 1e-6
} || bad "113: train" "$(cat log)"

if [ "$what" = all ]; then
    # 114: the tenth class from few examples; a tenth of so many labels are nines
    for only in 9 0,1,2,3,4,5,6,7,8; do sed "s/scale = 0..1/&\n    test_only = [$only]/" "$examples/new_class.ae" > "shots${only:0:1}.ae"; done
    build shots9 nines -D shots=10 && ./nines train --quiet --phase base --out base.run > log 2>&1 && before=0 && for shots in 1 5 10 20; do
        build shots9 nines -D shots=$shots && build shots0 others -D shots=$shots && balanced=0 && for seed in 1 2 3 4 5 6 7 8 9 10; do
            ./nines train --quiet --phase add --seed $seed --weights base.run --out few.run > log 2>&1
            balanced="$balanced + $(share nines few.run nine.nine_told) / 20 + $(share others few.run nine.nine_told) / 20"
        done
        balanced=$(awk "BEGIN { print $balanced }")
        holds "114: $shots shots are better than fewer" "$balanced > $before"
        [ $shots != 10 ] || holds "114: ten shots tell nines, measured 0.889" "$balanced >= 0.87"
        before=$balanced
    done
    # 115: mixing old rows with new ones keeps what was known, mean of three seeds
    kept1=0 kept0=0
    build shots0 mixed && build shots0 alone -D replay=0 && for seed in 0 1 2; do
        ./mixed train --quiet --seed $seed --phase base --out base.run > log 2>&1 \
            && ./mixed train --quiet --seed $seed --phase add --weights base.run --out add.run > log 2>&1 || bad "115: train" "$(cat log)"
        old=$(share mixed base.run old.old_told)
        for replay in 1 0; do
            [ $replay = 1 ] && bin=mixed || bin=alone
            ./$bin train --quiet --seed $seed --phase all --weights add.run --out all.run > log 2>&1 || bad "115: train" "$(cat log)"
            declare "kept$replay=$(eval echo "\$kept$replay") + ($(share $bin all.run old.old_told) - $old) / 3"
        done
    done
    holds "115: with replay the old classes lose less than 2 points" "$kept1 > -0.02"
    holds "115: without it they lose more than 2, measured 4.1" "$kept0 < -0.02"
    # 107, 108: with few labels a pretrained encoder is better than one from scratch, and tuned better than frozen
    for labels in 50 100 200; do
        sed "s/labels = 100/labels = $labels/" "$examples/transfer.ae" > few.ae
        tuned=0 scratch=0 frozen=0
        build few few && for seed in 1 2 3 4 5; do
            ./few train --quiet --seed $seed --out tuned.run > log 2>&1; ./few train --quiet --seed $seed --phase tune --out scratch.run > log 2>&1
            ./few train --quiet --seed $seed --phase pretrain --out pre.run > log 2>&1; ./few train --quiet --seed $seed --phase probe --weights pre.run --out frozen.run > log 2>&1
            tuned="$tuned + $(share few tuned.run digit.accuracy)" scratch="$scratch + $(share few scratch.run digit.accuracy)" frozen="$frozen + $(share few frozen.run digit.accuracy)"
        done
        holds "107: $labels labels, pretrained beats scratch" "$tuned > $scratch"
        holds "108: $labels labels, tuned is no worse than frozen" "$tuned >= $frozen"
    done
    # 34: reconstruction helps the classifier
    sed 's/^train {/&\n    minimize = [digit]\n    freeze = [decoder]/' "$examples/joint.ae" > alone.ae
    both=0 alone=0
    build "$examples/joint" joint && build alone alone && for seed in 1 2 3 4 5 6 7 8 9 10; do
        ./joint train --quiet --seed $seed --out both.run > log 2>&1; ./alone train --quiet --seed $seed --out alone.run > log 2>&1
        both="$both + $(share joint both.run digit.accuracy)" alone="$alone + $(share alone alone.run digit.accuracy)"
    done
    holds "34: a hundred labels and reconstruction beat a hundred labels" "$both >= $alone"
fi

# ---- 35: principal component regression and partial least squares ----------------------------------------------------
# Eight rows of orthogonal signs, five of them with deviations 5, 4, 3, 2, 1 and turned by a reflection: the components
# and what each tells of y are known.
awk 'BEGIN { print "a,b,c,d,e,y"
    for (r = 0; r < 8; r++) {
        for (c = 1; c < 8; c++) { s = 0; for (b = 0; b < 3; b++) s += int(r / 2^b) % 2 * (int(c / 2^b) % 2); h[c] = s % 2 ? -1 : 1 }
        dot = 0; for (c = 1; c < 6; c++) dot += (6 - c) * h[c] * c / 55 * 2
        for (c = 1; c < 6; c++) printf "%.9g,", (6 - c) * h[c] - dot * c + 10
        print 7 + h[1] + 2 * h[2] + 0.5 * h[3] + 3 * h[4] + h[5] + 2 * h[6] } }' > drugs.csv
nipals() {      # nipals M: the share of y that M components of NIPALS explain
    awk -F, -v m="$1" 'NR > 1 { n++; for (j = 1; j < 6; j++) { x[n, j] = $j; mean[j] += $j / 8 } y[n] = $6; my += $6 / 8 }
        END { for (i = 1; i <= n; i++) { y[i] -= my; all += y[i]^2; for (j = 1; j < 6; j++) x[i, j] -= mean[j] }
            for (c = 0; c < m; c++) {
                size = tt = ty = 0
                for (j = 1; j < 6; j++) { w[j] = 0; for (i = 1; i <= n; i++) w[j] += x[i, j] * y[i]; size += w[j]^2 }
                for (i = 1; i <= n; i++) { t[i] = 0; for (j = 1; j < 6; j++) t[i] += x[i, j] * w[j] / sqrt(size); tt += t[i]^2; ty += t[i] * y[i] }
                for (j = 1; j < 6; j++) { p = 0; for (i = 1; i <= n; i++) p += x[i, j] * t[i] / tt; for (i = 1; i <= n; i++) x[i, j] -= t[i] * p }
                for (i = 1; i <= n; i++) y[i] -= t[i] * ty / tt
            }
            for (i = 1; i <= n; i++) rest += y[i]^2
            printf "%.9g\n", 1 - rest / all }' drugs.csv
}
sed 's/pcr(m)/pls(m)/' "$here/regression.ae" > pls.ae
told=0
for m in 1 2 3 4; do
    told="$told + $(echo "1 4 0.25 9" | cut -d' ' -f$m) / 19.25"
    for kind in regression pls; do
        quickly $kind $kind --real f64 -D m=$m && train $kind && declare "$kind=$(./$kind eval --json --split train --weights $kind.run | field train/dose)"
    done
    # mse over the variance of y, 19.25
    near "35: regression on $m principal components" "$(awk "BEGIN { print 1 - $regression / 19.25 }")" "$(awk "BEGIN { print $told }")" 1e-6
    near "35: partial least squares with $m components is what NIPALS finds" "$(awk "BEGIN { print 1 - $pls / 19.25 }")" "$(nipals $m)" 1e-6
    holds "35: partial least squares tells as much of y or more, $m components" "$pls <= $regression + 1e-9"
done
