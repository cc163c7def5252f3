#!/usr/bin/env bash
# run.sh AEC FOLDER quick|all -- closed forms, hand values and theorems that the layers, losses and latents must meet.
#
# The numbers in front of the checks are those of the catalogue of what autoencoders are said to do. Data and weights
# are written by tool.c, which also compares; principal components are those of record_pca.py.
set -u
cd "$(dirname "$0")/../.." || exit 2
aec=$PWD/$1 cc=$PWD/tests/cc here=$PWD/tests/catalogue work=$PWD/$2/catalogue what=${3:-quick}
export OMP_WAIT_POLICY=passive
rm -rf "$work" && mkdir -p "$work"
passed=0 failed=0
ok()  { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf 'FAILED %s\n' "$1"; [ $# -gt 1 ] && printf '%s\n' "$2" | head -n 6 | sed 's/^/    /'; }
try() { local name=$1 said; shift; if said=$("$@" 2>&1); then ok; else bad "$name" "$said"; fi; }
near() {        # near NAME GOT WANT TOLERANCE; mawk holds nan <= 1 for true, and the name nan for 0
    if awk -v a="$2" -v b="$3" -v t="$4" 'BEGIN { d = a - b; exit !(a != "" && b != "" && a b !~ /n/ && (d < 0 ? -d : d) <= t) }'; then ok
    else bad "$1" "is ${2:-nothing}, should be $3 within $4"; fi
}
holds() {       # holds NAME CONDITION: of numbers, by awk
    if ! [[ $2 =~ nan|inf ]] && awk "BEGIN { exit !($2) }" < /dev/null 2> /dev/null; then ok; else bad "$1" "$2"; fi
}
field() { tr -d '{}' | sed 's/, *"/\n"/g' | sed -n "s|^\"$1\": *||p" | tail -n 1; }
last() { tail -n 1 "$2/metrics.jsonl" | field "$1"; }

gcc -std=gnu11 -O1 -Wall -Wextra -Wpedantic "$here/tool.c" -o "$work/tool" -lm || { echo "FAILED tool.c"; echo "0 passed, 1 failed"; exit 1; }
tool=$work/tool
cd "$work" || exit 2
cp "$here"/*.ae .
build() {       # build NAME OUT FLAGS...
    local name=$1 out=$2 said; shift 2
    said=$("$aec" build "$name.ae" -o "$out" "$@" 2>&1) || { bad "build $name" "$said"; return 1; }
}
quickly() { build "$@" --cc "$cc"; }      # what runs for milliseconds
train() { local said; said=$("./$1" train --quiet --out "$1.run" "${@:2}" 2>&1) || { bad "train $1" "$said"; return 1; }; }
grad() { rm -f g.safetensors; "./$1" grad --quiet -o g.safetensors "${@:2}" > log 2>&1 || bad "grad $1" "$(cat log)"; }
of() { "$tool" get g.safetensors "$1" 2> /dev/null; }

# ---- 4, 7: linear autoencoders and principal components ----------------------------------------------------
read -r -a pca <<< "$("$tool" pca "$here/pca.txt")"
sizes="2 8"
[ "$what" = all ] && sizes="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
before=1
for m in $sizes; do
    build linear linear$m -D m=$m && train linear$m || continue
    mse=$("./linear$m" eval --json --split train --weights linear$m.run | field train/reconstruct)
    holds "4: error of m = $m is that of the components" "$mse <= 1.001 * ${pca[$m]} && $mse >= 0.99999 * ${pca[$m]}"
    holds "4: error does not grow at m = $m" "$mse <= $before"
    before=$mse
done
read -r degrees skew <<< "$("$tool" pca "$here/pca.txt" linear8.run/model.safetensors decoder.dense1.w)"
holds "7: the plane is that of 8 components" "\"$degrees\" != \"\" && $degrees < 1"
holds "7: its axes are not orthonormal" "$skew > 0.1"
said=$(./linear8 eval --json --pca --split train --weights linear8.run)
near "8: the trainer's own components are the recorded ones" "$(echo "$said" | field train/pca.mse)" "${pca[8]}" 1e-7
near "8: and so is their angle to the plane" "$(echo "$said" | field train/pca.angle)" "$degrees" 1e-3
holds "8: it says what the model reaches beside them" "$(echo "$said" | field train/mse) <= 1.001 * ${pca[8]}"
build linear linear8_alone -D m=8 --gemm generated && near "12: without LAPACK too" \
    "$(./linear8_alone eval --json --pca --split train --weights linear8.run | field train/pca.angle)" "$degrees" 1e-3

# ---- 9: more linear layers are a linear map --------------------------------------------------------------------
sed 's/^bottleneck.*/encoder { dense(32) }\nbottleneck z = code(m)/; s/^decoder.*/decoder { dense(32) dense(64) }/; s/lr = 2e-2/lr = 1e-2/' \
    "$here/linear.ae" > deeper.ae
build deeper deeper -D m=8 && train deeper && {
    said=$(./deeper eval --json --pca --split train --weights deeper.run)
    holds "9: deeper linear reaches the components within 1 %" "$(echo "$said" | field train/mse) <= 1.01 * ${pca[8]} && $(echo "$said" | field train/mse) >= 0.99999 * ${pca[8]}"
    holds "9: in their plane within 2 degrees" "\"$(echo "$said" | field train/pca.angle)\" != \"\" && $(echo "$said" | field train/pca.angle) < 2"
}

# ---- 10: one nonlinear layer, linear decoder ---------------------------------------------------------------
for f in $([ "$what" = all ] && echo sigmoid tanh relu gelu || echo sigmoid); do
    sed "s/sigmoid/$f/" "$here/one_hidden.ae" > hidden_$f.ae
    build hidden_$f hidden_$f && train hidden_$f || continue
    least=$(sed -n 's|.*"train/loss":\([^,]*\),.*|\1|p' hidden_$f.run/metrics.jsonl | sort -g | head -n 1)
    end=$(last train/loss hidden_$f.run)
    holds "10: $f never comes below 4 components" "$least > 0 && $least >= ${pca[4]} - 1e-6"
    case $f in sigmoid|tanh)
        read -r degrees skew <<< "$("$tool" pca "$here/pca.txt" hidden_$f.run/model.safetensors decoder.dense1.w)"
        holds "10: $f comes near 4 components" "$end <= 1.01 * ${pca[4]}"
        holds "10: $f writes near their plane" "\"$degrees\" != \"\" && $degrees < 5";;
    esac
done

# ---- 21: denoising -------------------------------------------------------------------------------------------
"$tool" weights w.safetensors decoder.dense1.w 64,64 0 decoder.dense1.b 64 0
quickly digits digits && for split in train test; do
    ./digits encode --split $split --weights w.safetensors -o $split.npy > log 2>&1 || bad "digits as a file" "$(cat log)"
done
build denoising denoising && train denoising && "$tool" noise test.npy 0.25 noisy.npy \
    && ./denoising reconstruct --test noisy.npy --weights denoising.run -o cleaned.npy > log 2>&1 && {
    given=$("$tool" psnr test.npy noisy.npy) reached=$("$tool" psnr test.npy cleaned.npy)
    holds "21: 4 dB better than the noisy input" "$given > 11 && $given < 13 && $reached >= $given + 4"
} || bad "21: denoising a file" "$(cat log)"
# ---- 12: components as files ------------------------------------------------------------------------------------------
[ -x linear8 ] && {
    ./linear8 reconstruct --pca --test test.npy --scaled --weights linear8.run -o planes.npy > log 2>&1 && ./linear8 encode --pca --split train --weights linear8.run -o scores.csv >> log 2>&1 \
        && ./linear8 show filters --pca --weights linear8.run -o axes.npy > shares 2>> log || bad "12: components as files" "$(cat log)"
    near "12: what components write" "$("$tool" psnr test.npy planes.npy)" "$(./linear8 eval --json --pca --test test.npy --scaled --weights linear8.run | field test/pca.psnr)" 1e-4
    near "12: the share of the variance that they explain" "$(awk 'END { print NR == 8 ? $NF : "" }' shares)" \
        "$(./linear8 eval --json --pca --split train --weights linear8.run | field train/pca.r2)" 1e-6
    worst=$(awk -F, 'NR > 1 { for (k = 1; k <= 8; k++) s[k] += $k^2; n++ } END { for (k = 1; k <= 8; k++) print s[k] / n }' scores.csv | paste - shares \
        | awk '{ d = $1 / $5 - 1; d = d < 0 ? -d : d; if (d > worst) worst = d } END { print NR == 8 ? worst + 0 : "" }')
    holds "12: the variance of each score is that of its axis" "\"$worst\" != \"\" && $worst + 0 < 1e-4"
    worst=$("$tool" get axes.npy | awk '{ for (i = 0; i < 8; i++) for (j = 0; j <= i; j++) { s = -(i == j); for (k = 1; k <= 64; k++) s += $(i * 64 + k) * $(j * 64 + k)
        if (s < 0) s = -s; if (s > worst) worst = s } print NF == 512 ? worst + 0 : "" }')
    holds "12: and the axes are orthonormal" "\"$worst\" != \"\" && $worst + 0 < 1e-5"
}
sed '/^corrupt/d' "$here/denoising.ae" > plain_ae.ae
quickly denoising still -D sd=0 && quickly plain_ae plain_ae && build denoising noisy && {
    grad still && a=$(of loss); grad plain_ae && b=$(of loss); grad noisy && c=$(of loss)
    near "21: without noise it is a plain autoencoder" "$a" "$b" 1e-7
    holds "21: with noise it is not" "($a - $c)^2 > 1e-8"
}

# ---- 30: the weight of the KL term -----------------------------------------------------------------------------
before=1e9 cost=-1
for gamma in 0 0.1 1 4 10; do
    build trade trade_$gamma -D gamma=$gamma && train trade_$gamma || continue
    out=$(./trade_$gamma eval --json --weights trade_$gamma.run)
    kl=$(echo "$out" | field 'test/kl(z)') nats=$(echo "$out" | field test/reconstruct)
    holds "30: kl does not grow at gamma $gamma" "$kl <= $before"
    holds "30: reconstruction does not improve at gamma $gamma" "$nats >= $cost - 0.02"     # both have collapsed
    before=$kl cost=$nats
done
sed '/^regularize/d' "$here/trade.ae" > untraded.ae
build untraded untraded && train untraded && try "30: gamma 0 is training without the term, bit for bit" \
    "$tool" same untraded.run/model.safetensors trade_0.run/model.safetensors ""

# ---- 48: KL sparsity --------------------------------------------------------------------------------------------
"$tool" npy rows.npy 4,1 0
sparse() {      # sparse BINARY Q VALUE SLOPE
    "$tool" weights w.safetensors encoder.dense1.w 1,1 0 encoder.dense1.b 1 "$2"
    grad "$1" --weights w.safetensors
    near "48: $1 of mean $2" "$(of loss)" "$3" 2e-6
    near "48: slope of $1 at $2" "$(of encoder.dense1.b)" "$4" 2e-5
}
quickly sparse rho05 && {
    sparse rho05 0.2 0.093943 0.9375
    sparse rho05 0.05 0 0
    sparse rho05 0.02 0.0162781 -1.5306122
}
quickly sparse rho20 -D rho=0.2 && sparse rho20 0.05 0.139779 -3.1578947
build sparse_digits sparse_digits && train sparse_digits && {
    ./sparse_digits encode --split train --weights sparse_digits.run -o h.csv
    share=$(awk -F, 'NR > 1 { for (k = 1; k <= NF; k++) s[k] += $k; n++ }
        END { for (k in s) { d = s[k] / n - 0.05; good += (d < 0 ? -d : d) < 0.02; all++ } print all == 100 ? good / all : "" }' h.csv)
    holds "48: nine units of ten are active in one case of twenty" "\"$share\" != \"\" && $share >= 0.9"
    told=
    for size in all 64 16; do
        sed "s/batch = 64/batch = $size/" sparse_digits.ae > by_batch.ae; quickly by_batch by_batch
        told="$told $(./by_batch eval --json --split train --weights sparse_digits.run | sed -n 's|.*"train/sparse(h, rho = 0.05)": \([^,}]*\).*|\1|p')"
    done
    holds "49: the smaller the batch, the more the same weights cost:$told" "$(echo $told | awk '{ print (NF == 3 ? $1 * 1.3 " < " $2 " && " $2 * 1.3 " < " $3 : 0) }')"
}

# ---- 51, 57: the normal latent -----------------------------------------------------------------------------------
"$tool" npy rows.npy 1000,1 0
latent() {      # latent MU SIGMA EXACT
    local mu=$1 sd=$2
    local lv=$(awk -v s="$sd" 'BEGIN { printf "%.9g", 2 * log(s) }')
    "$tool" weights w.safetensors z.mu.dense1.w 1,1 0 z.mu.dense1.b 1 "$mu" z.logvar.dense1.w 1,1 0 z.logvar.dense1.b 1 "$lv"
    grad kl --weights w.safetensors --phase exact
    local exact=$(of loss) slope=$(of z.logvar.dense1.b)
    near "51: kl of N($mu, $sd^2)" "$exact" "$3" 1e-5
    near "51: its slope by mu" "$(of z.mu.dense1.b)" "$mu" 1e-6
    holds "51: its slope by sigma" "($slope * 2 / $sd - ($sd - 1 / $sd))^2 < 1e-10"
    # log q - log p = mu sigma e + (sigma^2 - 1) e^2 / 2 + constant: variance mu^2 sigma^2 + (sigma^2 - 1)^2 / 2
    grad kl --weights w.safetensors --phase drawn
    holds "51: kl of N($mu, $sd^2) is the mean of a million log q - log p" \
        "($(of loss) - $exact)^2 <= 9e-6 * (($mu * $sd)^2 + ($sd^2 - 1)^2 / 2) + 1e-18"
    grad kl --weights w.safetensors --phase first
    local mean=$(of loss) turn=$(of z.logvar.dense1.b)
    near "57: dz/dmu at N($mu, $sd^2)" "$(of z.mu.dense1.b)" 1 1e-12
    near "57: dz/dsigma is the draw itself" "$(awk "BEGIN { print 2 * $turn }")" "$(awk "BEGIN { print $mean - $mu }")" 1e-6
    grad kl --weights w.safetensors --phase second
    local square=$(of loss) by_mu=$(of z.mu.dense1.b)
    local by_sd=$(awk "BEGIN { print 2 / $sd * $(of z.logvar.dense1.b) }")
    holds "57: dE[z^2]/dmu" "($by_mu - 2 * $mu)^2 <= 9e-6 * 4 * $sd^2"
    holds "57: dE[z^2]/dsigma" "($by_sd - 2 * $sd)^2 <= 9e-6 * (4 * ($mu)^2 + 8 * $sd^2)"
    # E[z^2] over draws of one phase, its mean from the gradient by mu; the variance's own error is sqrt(2 / N)
    holds "57: the variance of z is sigma^2" "($square - ($by_mu / 2)^2 - $sd^2)^2 <= 9e-6 * 2 * $sd^4"
}
build kl kl --real f64 && {
    latent 1 1 0.5
    latent 0 2.718281828 2.19453
    latent 0 1 0
    [ "$what" = all ] && for at in "0.3 2" "-1.2 0.5" "2 1.5" "0.7 0.1"; do
        set -- $at
        latent $1 $2 "$(awk "BEGIN { print (($1)^2 + $2^2 - 1) / 2 - log($2) }")"
    done
}

# ---- 80, 81, 85: every size, stride, kernel, padding, output padding against loops -----------------------------------
grid() {        # grid PART OF SCHEDULE
    "$tool" grid . "$1" "$2" > cases.log
    quickly grid grid --schedule "$3" || return
    ./grid encode --weights weights.safetensors -o z.npy > log 2>&1 && ./grid grad --quiet --weights weights.safetensors -o grad.safetensors > log 2>&1 \
        || { bad "grid $1 $3" "$(cat log)"; return; }
    try "80, 81, 85: $(cat cases.log), part $1 of $2, $3" "$tool" grid-check .
}
if [ "$what" = all ]; then
    for part in 0 1 2 3 4 5 6 7; do grid $part 8 plain; grid $part 8 fast; done
else
    grid 0 16 fast
    grid 5 16 plain
fi

# ---- 84, 85: a mirror finds the output padding by itself --------------------------------------------------------------
mirrored() {    # mirrored H W KERNEL STRIDE PAD: the shape after the way back
    printf 'ae 1\nmodel mirrored\ninput x : image(2, %d, %d)\ndata { train = npy("x.npy") }\nencoder { conv(3, %d, %d, %d) }\ndecoder mirror\nreconstruct x by mse\ntrain { epochs = 1 }\n' "$@" > mirrored.ae
    "$aec" show mirrored.ae 2>&1
}
small=$(mirrored 7 8 3 2 0)
try "84: 7 and 8 both become 3" grep -q 'encoder.conv1 .* 3 x 3 x 3 ' <<< "$small"
try "84: and the way back tells them apart" grep -q 'conv_transpose(2, 3, 2, 0, 0, 1)  *2 x 7 x 8 ' <<< "$small"
count=0 lost=
for k in $([ "$what" = all ] && echo 1 2 3 4 5 || echo 3); do for s in 1 2 3; do for p in $(seq 0 $((k - 1))); do for h in 1 3 5 7 9; do
    w=$((h % 9 + 1))
    [ $((h + 2 * p)) -ge $k ] && [ $((w + 2 * p)) -ge $k ] || continue
    count=$((count + 1))
    mirrored $h $w $k $s $p | grep -q "^decoder.conv_transpose1 .* 2 x $h x $w " || lost="$lost $h,$w:$k,$s,$p"
done; done; done; done
if [ -z "$lost" ] && [ $count -gt 20 ]; then ok; else bad "85: conv and its mirror give the shape back, $count cases" "not$lost"; fi
mirrored 2 9 3 1 0 > log
try "80: a kernel larger than the picture is refused" grep -q 'AE0311' log

# ---- 82, 83, 84: stamps ---------------------------------------------------------------------------------------------
stamp() {       # stamp KERNEL BIAS PICTURE: the numbers that come out
    "$tool" weights w.safetensors $(for k in 1 2 3 4; do echo encoder.conv_transpose$k.f 1,1,3,3 $1 encoder.conv_transpose$k.b 1 $2; done) \
        decoder.dense1.w 86,4 0 decoder.dense1.b 4 0
    "$tool" npy x.npy 1,1,2,2 $3
    ./stamp encode --weights w.safetensors -o z.npy > log 2>&1 || bad "stamp" "$(cat log)"
    "$tool" get z.npy
}
quickly stamp stamp && {
    got=$(stamp 1 0 1 | cut -d' ' -f1-25)
    if [ "$got" = "1 1 2 1 1 1 1 2 1 1 2 2 4 2 2 1 1 2 1 1 1 1 2 1 1" ]; then ok; else bad "82: ones stamped on ones" "$got"; fi
    got=$(stamp 3,1,4,-1,5,-9,2,-6,7 0.5 "5 3 -2 8")
    cropped=$(echo "$got" | awk '{ for (i = 0; i < 3; i++) for (j = 0; j < 3; j++) if ($(1 + (i + 1) * 5 + j + 1) != $(26 + i * 3 + j)) n++; print n + 0 }')
    if [ "$cropped" = 0 ]; then ok; else bad "83: padding takes the border away" "$cropped of 9 differ: $got"; fi
    more=$(echo "$got" | awk '{ for (i = 0; i < 4; i++) for (j = 0; j < 4; j++) { v = $(35 + i * 4 + j)
        if (i < 3 && j < 3) wrong += v != $(26 + i * 3 + j); else if (v != 0.5) more++ } print wrong + 0, more + 0 }')
    if [ "$more" = "0 7" ]; then ok; else bad "84: the row that output padding adds is no row of zeros" "$more: $got"; fi
    none=$(echo "$got" | awk '{ for (i = 0; i < 6; i++) for (j = 0; j < 6; j++) { v = $(51 + i * 6 + j)
        if (i < 5 && j < 5) wrong += v != $(1 + i * 5 + j); else wrong += v != 0.5 } print wrong + 0 }')
    if [ "$none" = 0 ]; then ok; else bad "84: where the kernel does not reach there is the bias" "$none: $got"; fi
}

# ---- 87: gradient descent -------------------------------------------------------------------------------------------
mkdir -p sgd && cp sgd.ae sgd/
"$tool" weights sgd/weights.safetensors encoder.dense1.w 64,2 0.3,-0.2,0.1,0.05,-0.4,0.25,0.15 encoder.dense1.b 2 0.1,-0.3 \
    decoder.dense1.w 2,64 -0.6,0.2,0.8,-0.5,0.35,0.15,-0.1,0.45,0.9 decoder.dense1.b 64 0.2,-0.1,0.05
build sgd/sgd sgd/sgd && for rows in 1 5; do
    "$tool" npy sgd/x.npy $rows,64 0.1 0.9 0.4 0.7 0.25 0 1 0.6 0.3 0.55 0.8
    rm -rf sgd/run && sgd/sgd train --quiet --weights sgd/weights.safetensors --out sgd/run > log 2>&1 || bad "87: train" "$(cat log)"
    try "87: a step of 64-2-64 on $rows rows is the one by hand" "$tool" sgd sgd 0.5
done
"$tool" npy sgd/x.npy 40,64 0.1 0.9 0.4 0.7 0.25 0 1 0.6 0.3 0.55 0.8
for run in "1 --threads 1" "2 --threads 2" "3 --threads 1" "4 --threads 1 --seed 9"; do
    set -- $run
    sgd/sgd train --quiet --epochs 3 --weights sgd/weights.safetensors --out sgd/r$1 "${@:2}" > log 2>&1 || bad "87: train" "$(cat log)"
done
try "87: the same seed gives the same bits" "$tool" same sgd/r1/model.safetensors sgd/r3/model.safetensors ""
try "87: with two threads too" "$tool" same sgd/r1/model.safetensors sgd/r2/model.safetensors ""
if "$tool" same sgd/r1/model.safetensors sgd/r4/model.safetensors "" > log; then bad "87: another seed takes the rows in another order"; else ok; fi

# ---- 110: frozen weights ---------------------------------------------------------------------------------------------
sed '/freeze/d' "$here/frozen.ae" > thawed.ae
traces() {      # lines that write a gradient or a state of the encoder, in emitted C
    grep -cE '(dp\.encoder[a-z0-9_]*(\[|,)|encoder[a-z0-9_]*_d[xy]|encoder[a-z0-9_]*_[mv]\[).*[-+*]?=' "$1/model.c"
}
quickly frozen frozen && quickly thawed thawed && {
    for name in frozen thawed; do train $name; ./$name train --quiet --epochs 1 --out $name.less > log 2>&1; done
    try "110: what is frozen keeps its bits" "$tool" same frozen.less/model.safetensors frozen.run/model.safetensors encoder
    if "$tool" same frozen.less/model.safetensors frozen.run/model.safetensors digit > log; then bad "110: the head learns"; else ok; fi
    if "$tool" same thawed.less/model.safetensors thawed.run/model.safetensors encoder > log; then bad "110: what is not frozen learns"; else ok; fi
    for schedule in plain fast; do
        "$aec" emit frozen.ae --schedule $schedule -o frozen.c.d > log 2>&1; "$aec" emit thawed.ae --schedule $schedule -o thawed.c.d > log 2>&1
        a=$(traces frozen.c.d) b=$(traces thawed.c.d)
        if [ "$a" = 0 ] && [ "$b" -ge 4 ]; then ok
        else bad "110: no gradient is written for what is frozen, $schedule" "$a lines frozen, $b lines not frozen"; fi
    done
    grad frozen
    if of encoder.dense1.w | grep -q .; then bad "110: grad lists a frozen tensor"; else ok; fi
}

# ---- 144: margin -------------------------------------------------------------------------------------------------------
margin() {      # margin SAME DX DY VALUE SLOPE_X SLOPE_Y: codes DX, DY apart
    "$tool" npy x.npy 1,2 "$(awk "BEGIN { print 0.25 + $2 }")" "$(awk "BEGIN { print -0.5 + $3 }")"; "$tool" npy y.npy 1,2 0.25 -0.5; "$tool" npy same.npy 1 $1
    grad margin --weights w.safetensors
    near "144: same = $1, $2 and $3 apart" "$(of loss)" $4 1e-6
    set -- "$@" $(of f.dense1.b) $(of g.dense1.b)
    near "144: slope" "$7" $5 1e-5; near "144: slope" "$8" $6 1e-5
    near "144: slope at the other end" "$9" "$(awk "BEGIN { print -1 * $5 }")" 1e-5
}
quickly margin margin && {
    "$tool" weights w.safetensors f.dense1.w 2,2 1,0,0,1 f.dense1.b 2 0 g.dense1.w 2,2 1,0,0,1 g.dense1.b 2 0
    margin 1 3 0 9 6 0
    margin 0 0.5 0 2.25 -3 0
    margin 0 0.3 0.4 2.25 -1.8 -2.4
    margin 0 2 0 0 0 0
    margin 0 0 5 0 0 0
    margin 0 0 0 4 0 0
    margin 1 0 0 0 0 0
}

# ---- 147: NT-Xent --------------------------------------------------------------------------------------------------------
quickly xent xent && {
    "$tool" weights w.safetensors f.dense1.w 3,3 1,0,0,0,1,0,0,0,1 f.dense1.b 3 0
    for b in 1 2 4 7; do
        "$tool" npy x.npy $b,3 1 2 -1; cp x.npy y.npy
        grad xent --weights w.safetensors
        near "147: $b rows all alike" "$(of loss.half)" "$(awk "BEGIN { print log(2 * $b - 1) }")" 1e-5
        near "147: $b rows all alike, colder" "$(of loss.tenth)" "$(awk "BEGIN { print log(2 * $b - 1) }")" 1e-5
    done
    "$tool" npy x.npy 2,3 1 0 0 0 3 0; "$tool" npy y.npy 2,3 2 0 0 0 0.5 0
    grad xent --weights w.safetensors
    near "147: two pairs at right angles" "$(of loss.half)" "$(awk 'BEGIN { print log(1 + 2 * exp(-2)) }')" 1e-5
    near "147: two pairs at right angles, colder" "$(of loss.tenth)" "$(awk 'BEGIN { print log(1 + 2 * exp(-10)) }')" 1e-5
    "$tool" npy x.npy 5,3 1 0.2 -0.3 0.5 3 0.7 -2; "$tool" npy y.npy 5,3 2 0 0.4 0.1 0.5 -0.6 1.5 0.3
    grad xent --weights w.safetensors; a=$(of loss.half)
    cp x.npy t.npy; cp y.npy x.npy; cp t.npy y.npy
    grad xent --weights w.safetensors; b=$(of loss.half)
    near "147: the views may be exchanged" "$a" "$b" 1e-6
}
if [ "$what" = all ]; then
    cp "$here/../../examples/simclr.ae" . && build simclr simclr && train simclr \
        && ./simclr train --quiet --phase probe --out random.run > log 2>&1 && {
        a=$(./simclr eval --json --weights simclr.run | field test/digit.accuracy)
        b=$(./simclr eval --json --weights random.run | field test/digit.accuracy)
        holds "147: a linear probe finds 5 points more than in a random encoder" "$a >= $b + 0.05"
    }
fi

for part in "$here"/part-*.sh; do . "$part"; done

# ---- 28, 144: published numbers of MNIST ----------------------------------------------------------------------------------
if [ "$what" = all ] && [ ! -e "$here/../../data/mnist/train-images-idx3-ubyte.gz" ]; then
    echo "skipped 28 and 144 on MNIST: \`make data\` brings it"
elif [ "$what" = all ]; then
    build "$here/../../examples/vae_mnist" vae_mnist && train vae_mnist --epochs 7 \
        && near "28: test loss after 7 epochs" "$(./vae_mnist eval --json --weights vae_mnist.run | field test/loss)" 106.7 1.0
    build "$here/pairs_mnist" pairs_mnist && train pairs_mnist --epochs 2 \
        && holds "144: pairs of test digits told right after 2 of 10 epochs" \
            "$(./pairs_mnist eval --json --weights pairs_mnist.run | field test/told) >= 0.86"
fi

. "$here/latent.sh"
. "$here/space.sh"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
