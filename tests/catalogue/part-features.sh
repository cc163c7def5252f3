# part-features.sh -- read by run.sh: what codes are good for beside reconstructing (24, 73, 74, 92, 99, 104, 116).

examples=$here/../../examples
seeds=0; [ "$what" = all ] && seeds="0 1 2 3 4"
sum_of() { awk "BEGIN { print 0 $1 }"; }        # of " + 0.9 + 0.8"
probe() {       # probe BINARY KEY TRAIN-ARGUMENTS...: the sum over seeds of a number of its test rows
    local sum= seed
    for seed in $seeds; do
        ./$1 train --quiet --seed $seed --out probe.run "${@:3}" > log 2>&1 || bad "train $1" "$(cat log)"
        sum="$sum + $(./$1 eval --json --weights probe.run | sed -n "s|.*\"test/$2\": \([^,}]*\).*|\1|p")"
    done
    sum_of "$sum"
}

# ---- 73, 99: features of what has learnt to denoise ----------------------------------------------------------------------
spoilt='accuracy(head(z(encoder(spoilt(x)))), y)'
# The plane of principal components: a linear autoencoder.
sed 's/^corrupt.*//; s/^encoder.*/encoder { flatten }/; s/^decoder.*/decoder { dense(64) reshape(1, 8, 8) }/; s/~ bernoulli/by mse/; s/lr = 2e-3)/lr = 1e-2)\n    schedule = cosine/' \
    "$examples/features.ae" > plane.ae
build "$examples/features" denoised && build "$examples/features" undisturbed -D sd=0 && build plane plane2 -D m=2 && {
    all=$(set -- $seeds; echo $#)
    clean=$(probe denoised digit.accuracy) told=$(probe denoised "$spoilt")
    holds "73: a linear head on 16 codes names 9 digits of 10, $clean of $all" "$clean >= 0.9 * $all"
    few=$(probe plane2 digit.accuracy)
    holds "73: on two principal components it does not, $few" "$few > 0 && $few < $clean - 0.2 * $all"
    lost=$(probe undisturbed "$spoilt")
    holds "99: with noise on the test rows, codes learnt with noise are 3 points better: $told, $lost" "$lost > 0 && $told >= $lost + 0.03 * $all"
}

# ---- 92, 74: codes learnt on other classes; more separable? ---------------------------------------------------------------
if [ "$what" = all ]; then
    for classes in "0, 1, 2, 3, 4" "5, 6, 7, 8, 9"; do
        sed "s/scale = 0..1/&\n    only = [$classes]\n    test_only = [$classes]/" "$examples/features.ae" > half${classes:0:1}.ae
    done
    build half0 low && build half5 high && ./low train --quiet --phase pretrain --out low.run > log 2>&1 && {
        carried=$(probe high digit.accuracy --phase probe --weights low.run) random=$(probe high digit.accuracy --phase probe)
        holds "92: codes of 0 to 4 tell 5 to 9 three points better than random ones: $carried, $random" "$random > 0 && $carried >= $random + 0.03 * $all"
    } || bad "92: train" "$(cat log)"
    alike="s/^corrupt.*//; s/^encoder.*/encoder { flatten }/; s/^decoder.*/decoder { dense(64) reshape(1, 8, 8) }/"
    sed "$alike; s/~ bernoulli/by mse/; s/lr = 2e-3)/lr = 1e-2)\n    schedule = cosine/" "$examples/groups.ae" > ten_components.ae
    sed "$alike; s/^bottleneck.*//; s/head(z)/head(encoder)/; s/, z\]/]/; s/epochs = .*/epochs = 1/" "$examples/groups.ae" > pixels.ae
    build "$examples/groups" ten -D m=10 && build ten_components ten_components -D m=10 && for key in linear_probe digit.accuracy; do
        codes=$(probe ten $key) components=$(probe ten_components $key)
        holds "74: ten codes are more separable than ten components by $key: $codes, $components" "$components > 0 && $codes > $components + 0.02 * $all"
    done
    grouped() {     # grouped BINARY TRAIN-ARGUMENTS...: how well ten groups agree with the classes, the sum over seeds
        local sum= seed
        for seed in $seeds; do
            ./$1 train --quiet --seed $seed --out grouped.run "${@:2}" > log 2>&1 || bad "train $1" "$(cat log)"
            sum="$sum + $(./$1 cluster 10 --split train --json --weights grouped.run | field nmi)"
        done
        sum_of "$sum"
    }
    build "$examples/groups" groups && build pixels pixels && {
        codes=$(grouped groups --phase codes) given=$(grouped pixels)
        holds "104: groups of codes agree better with the classes than groups of pixels: $codes, $given" "$given > 0.5 * $all && $codes > $given + 0.02 * $all"
    }
fi

# ---- 24: few units are active, others for other classes ----------------------------------------------------------------
build "$examples/sparse_denoising" sparse && build "$examples/sparse_denoising" dense128 -D weight=0 && train sparse && train dense128 && train denoised --epochs 1 && {
    ./sparse encode --weights sparse.run -o h.csv > log 2>&1
    ./denoised predict --weights denoised.run -o who.csv > log 2>&1       # the same rows, with their classes
    read -r active alike <<< "$(paste -d, h.csv who.csv | awk -F, 'NR == 1 { next } { c = $NF; rows[c]++; all++
            for (k = 1; k <= 128; k++) if ($k > 1e-3 || $k < -1e-3) { on++; n[c, k]++ } }
        END { for (k = 1; k <= 128; k++) { a = n[0, k] > rows[0] / 2; b = n[1, k] > rows[1] / 2; both += a && b; any += a || b }
            print on / all / 128, both / any }')"
    holds "24: less than a fifth of the units is active, $active" "$active > 0.02 && $active < 0.2"
    holds "24: not the same ones for zeros and for ones, $alike" "$alike < 0.8"
    mse() { ./$1 eval --json --weights $1.run | field test/mse; }
    holds "24: with less than 1.5 times the error without the penalty" "$(mse sparse) > 0 && $(mse sparse) < 1.5 * $(mse dense128) && $(mse dense128) < 0.009"
    dense=$(./dense128 eval --json --weights dense128.run | sed -n 's|.*"test/zeros(h)": \([^,}]*\).*|\1|p')
    holds "24: where more than a third of the units is active, $dense are not" "$dense > 0 && $dense < 0.66"
}

# ---- 116: a large set as the start for a small one ------------------------------------------------------------------------
if [ "$what" = all ] && [ ! -e "$here/../../data/mnist/train-images-idx3-ubyte.gz" ]; then
    echo "skipped 116 on MNIST: \`make data\` brings it"
elif [ "$what" = all ]; then
    build "$examples/warm_start" small && build "$examples/warm_start" large -D taken=60000 -D first=0 \
        && ./large train --quiet --phase large --out large.run > log 2>&1 && {
        warm=$(probe small digit.accuracy --phase small --weights large.run) cold=$(probe small digit.accuracy --phase small)
        holds "116: thirty pictures tell more after thirty thousand others: $warm, $cold" "$cold > 0 && $warm >= $cold + 0.02 * $all"
    } || bad "116: train" "$(cat log)"
fi
