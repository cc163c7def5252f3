# part-energy.sh -- read by run.sh: restricted Boltzmann machines and what is stacked of them (32, 33).

# ---- 32: all 2^6 x 2^4 states of a small machine, from its energy alone ------------------------------------------------
rbm_w="0.5,-1.2,0.3,0.8,-0.7,0.2,1.1,-0.4,0.9,0.1,-0.6,-1,0.4,0.7,-0.2,0.6,-0.9,0.35,0.15,-0.5,1.3,-0.25,0.05,0.45"
rbm_a="0.3,-0.6,0.1,0.8,-0.2,0.4" rbm_b="-0.5,0.2,0.6,-0.1"
rows="1 0 1 1 0 0  0 1 0 0 1 1  1 1 1 0 0 1  0 0 0 1 0 1"
"$tool" npy v.npy 4,6 $rows
"$tool" weights rbm.safetensors encoder.rbm1.w 6,4 $rbm_w encoder.rbm1.a 6 $rbm_a encoder.rbm1.b 4 $rbm_b encoder.rbm1.chain 10000,6 0
read -r -a want <<< "$(echo "$rows" | awk -v w="$rbm_w" -v a="$rbm_a" -v b="$rbm_b" '
    function states(    v, h, i, j, e) {        # p[v]: the sum over h of exp(-E)
        for (v = 0; v < 64; v++) for (h = 0; h < 16; h++) {
            e = 0
            for (i = 0; i < 6; i++) if (int(v / 2^i) % 2) { e += A[i + 1]; for (j = 0; j < 4; j++) if (int(h / 2^j) % 2) e += W[i * 4 + j + 1] }
            for (j = 0; j < 4; j++) if (int(h / 2^j) % 2) e += B[j + 1]
            p[v] += exp(e); z += exp(e)
        }
    }
    BEGIN { split(w, W, ","); split(a, A, ","); split(b, B, ","); states() }
    { for (r = 0; r < 4; r++) {
        v = 0; for (i = 0; i < 6; i++) v += $(r * 6 + i + 1) * 2^i
        free -= log(p[v]) / 4; exact += log(p[v] / z) / 4
        for (i = 0; i < 6; i++) { o = int(v / 2^i) % 2 ? v - 2^i : v + 2^i; pseudo += log(p[v] / (p[v] + p[o])) / 4 }
    } printf "%.12g %.12g %.12g\n", free, exact, pseudo }')"
quickly rbm rbm --real f64 && {
    grad rbm --weights rbm.safetensors --phase energy; near "32: the free energy" "$(of loss)" "${want[0]}" 1e-6
    grad rbm --weights rbm.safetensors --phase ml; near "32: the likelihood, exactly" "$(of loss)" "$(awk "BEGIN { printf \"%.12g\", -1 * ${want[1]} }")" 1e-6
    grad rbm --weights rbm.safetensors --phase flips; near "32: the pseudo-likelihood" "$(of loss)" "${want[2]}" 1e-6
}
# Gaussian visible units: p(v) of one unit and two hidden ones integrates to 1, by the trapezoidal rule over -9 .. 9.
sed 's/vector(6)/vector(1)/; /pseudo_likelihood/d; /^train flips/,$d' "$here/rbm.ae" > bell.ae
"$tool" npy v.npy 1801,1 $(seq -9 0.01 9)
"$tool" weights bell.safetensors encoder.rbm1.w 1,2 0.9,-0.6 encoder.rbm1.a 1 0.3 encoder.rbm1.b 2 0.4,-0.2 encoder.rbm1.chain 10000,1 0
quickly bell bell --real f64 -D units=2 -D gaussian=1 && {
    # the mean of log p and of the free energy: log Z is what lies between, and Z is the integral of exp(-F)
    grad bell --weights bell.safetensors --phase ml; likelihood=$(of loss)
    grad bell --weights bell.safetensors --phase energy; energy=$(of loss)
    z=$(awk 'BEGIN { for (k = -900; k <= 900; k++) { v = k / 100
        s += 0.01 * exp(-(v - 0.3)^2 / 2) * (1 + exp(0.4 + 0.9 * v)) * (1 + exp(-0.2 - 0.6 * v)) } printf "%.12g", log(s) }')
    near "32: with gaussian units log p is normalised" "$(awk "BEGIN { printf \"%.12g\", $likelihood - $energy }")" "$z" 1e-6
}

# Fantasies of both kinds: how often each state of two hidden units is drawn, against the sums over all that is visible.
fantasies() {   # fantasies GAUSSIAN LIKELIHOOD
    printf 'ae 1\nmodel fantasies\ninput x : vector(2)\ndata { train = npy("v.npy") }\nencoder { linear }\nbottleneck z ~ rbm(2, gaussian = %s, gibbs = 100)\ndecoder mirror(tied = true)\nreconstruct x ~ %s\nregularize { cd(z) as c }\ntrain { minimize = [c] }\n' $1 $2 > fantasies.ae
    quickly fantasies fantasies && ./fantasies sample -n 4000 --name z.z --weights two.safetensors -o h.npy > log 2>&1 || bad "32: fantasies" "$(cat log)"
    "$tool" get h.npy | awk -v normal=$1 '{ for (k = 1; k < NF; k += 2) { got[$k + 2 * $(k + 1)]++; n++ } }
        END { split("0.9 -0.6 1.1 0.5", w, " "); split("0.3 -0.4", a, " "); split("0.4 -0.2", b, " ")
            for (h = 0; h < 4; h++) { p = h % 2; q = int(h / 2); e = b[1] * p + b[2] * q
                for (i = 1; i < 3; i++) { s = w[2 * i - 1] * p + w[2 * i] * q; e += normal ? a[i] * s + s * s / 2 : log(1 + exp(a[i] + s)) }
                m[h] = exp(e); z += m[h] }
            for (h = 0; h < 4; h++) { want = n * m[h] / z; chi += (got[h] - want)^2 / want } print n == 4000 ? chi : "" }'
}
"$tool" npy v.npy 4,2 1 0 0 1
"$tool" weights two.safetensors z.w 2,2 0.9,-0.6,1.1,0.5 z.a 2 0.3,-0.4 z.b 2 0.4,-0.2 z.chain 64,2 0
for kind in "0 bernoulli" "1 gaussian"; do
    chi=$(fantasies $kind)
    holds "32: fantasies are drawn as often as they should be, $kind: $chi" "\"$chi\" != \"\" && $chi + 0 < 16.3"
done

# Contrastive divergence comes to the gradient of the likelihood as the steps grow: 10,000 chains from 4 rows of data.
"$tool" npy v.npy 10000,6 $rows
cosine() {      # between the gradients of two files
    awk 'NR == FNR { for (k = 1; k <= NF; k++) a[k] = $k; next } { for (k = 1; k <= NF; k++) { x += a[k] * $k; y += a[k]^2; z += $k^2 } }
        END { print x / sqrt(y * z) }' "$1" "$2"
}
all_of() { echo $(of encoder.rbm1.w) $(of encoder.rbm1.a) $(of encoder.rbm1.b); }
for k in 1 100; do
    build rbm rbm$k -D steps=$k && { grad rbm$k --weights rbm.safetensors --phase ml; all_of > exact.txt
        grad rbm$k --weights rbm.safetensors --phase cd; all_of > cd.txt; declare "cos$k=$(cosine cd.txt exact.txt)"; }
done
holds "32: CD-100 is the gradient of the likelihood, and CD-1 is farther from it" "$cos100 > 0.99 && $cos1 < $cos100"
# Training by CD raises the likelihood, epoch after epoch.
"$tool" npy v.npy 2000,6 $rows
for e in 5 20 80 320; do
    ./rbm1 train --quiet --phase cd --epochs $e --out rbm$e.run > log 2>&1 || bad "32: train" "$(cat log)"
    grad rbm1 --weights rbm$e.run --phase ml
    [ $e = 5 ] || holds "32: the likelihood after $e epochs is above that before" "$(of loss) < $before"
    before=$(of loss)
done
holds "32: and it ends far above chance" "$before < 2.5 && $before > log(4)"

# The trace of digits, each of them also moved by a pixel in four directions: pseudo-likelihoods after 1, 5 and 10
# epochs over four fifths of them, as record_rbm.py has them from scikit-learn. Of one seed they lie half a nat apart
# after the first epoch and 0.2 later, so the means of six are compared.
if [ "$what" = all ]; then
    "$tool" weights w64.safetensors decoder.dense1.w 64,64 0 decoder.dense1.b 64 0
    quickly digits digits && for split in train test; do
        ./digits encode --split $split --weights w64.safetensors -o digits.$split.csv > log 2>&1 || bad "digits as a file" "$(cat log)"
    done
    awk -F, 'FNR == 1 { if (NR == 1) print; next } { for (m = 0; m < 5; m++) { line = ""
        for (i = 0; i < 8; i++) for (j = 0; j < 8; j++) { p = i - (m == 1) + (m == 2); q = j - (m == 3) + (m == 4)
            line = line (i + j ? "," : "") (p >= 0 && p < 8 && q >= 0 && q < 8 ? $(p * 8 + q + 1) : 0) }
        print line } }' digits.train.csv digits.test.csv > nudged.csv
    epochs=($(sed -n 2p "$here/rbm.txt")) want=($(sed -n 3p "$here/rbm.txt")) within=(0.4 0.2 0.15)
    build rbm_digits pcd && for k in 0 1 2; do
        got=0
        for seed in 0 1 2 3 4 5; do
            ./pcd train --quiet --seed $seed --epochs ${epochs[k]} --out pcd.run > log 2>&1 || bad "32: train" "$(cat log)"
            got="$got + $(./pcd eval --json --split train --weights pcd.run | field 'train/pseudo_likelihood(r)')"
        done
        near "32: pseudo-likelihood of the digits after ${epochs[k]} epochs" "$(awk "BEGIN { print ($got) / 6 }")" ${want[k]} ${within[k]}
    done
fi

# ---- 33: deep belief nets -----------------------------------------------------------------------------------------------
cp "$here/../../examples/deep_belief.ae" "$here/../../examples/belief_classifier.ae" .
build deep_belief dbn && {
    ./dbn train --quiet --phase below --epochs 2 --out below.run > log 2>&1 && ./dbn train --quiet --phase above --epochs 2 --weights below.run --out above.run > log 2>&1 \
        || bad "33: train" "$(cat log)"
    try "33: the first layer keeps its bits while the second trains" "$tool" same below.run/model.safetensors above.run/model.safetensors lower
    if "$tool" same below.run/model.safetensors above.run/model.safetensors upper > log; then bad "33: the second layer trains"; else ok; fi
    unrolled=$(./dbn eval --json --weights above.run | field test/reconstruct)
    holds "33: unrolled it is better than chance" "$unrolled < 64 * log(2)"
}
if [ "$what" = all ]; then
    train dbn && { out=$(./dbn eval --json --weights dbn.run)
        holds "33: tuned it is better than principal components" "$(echo "$out" | field test/mse) < $(echo "$out" | field test/pca.mse)"; }
    build belief_classifier belief && { pretrained=0 random=0
        for seed in 1 2 3 4 5; do
            ./belief train --quiet --seed $seed --out greedy.run > log 2>&1; ./belief train --quiet --seed $seed --phase tune --out scratch.run > log 2>&1
            pretrained="$pretrained + $(./belief eval --json --weights greedy.run | field test/digit.accuracy)"
            random="$random + $(./belief eval --json --weights scratch.run | field test/digit.accuracy)"
        done
        holds "33: with 100 labels the stack is a better start than chance, mean of five seeds" "$pretrained > $random"
    }
fi
