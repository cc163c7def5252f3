#!/usr/bin/env bash
# mpi.sh AEC FOLDER -- several ranks train to the losses of one: with a short last batch, a batch of fewer rows than ranks,
# several batches a step, draws; the same bits each time; states of each rank's own; who is stopped goes on, who fails says
# so once.
set -u
aec=$1 folder=$2
rm -rf "$folder" && mkdir -p "$folder" && cd "$folder" || exit 2
wrong=0
bad() { echo "$@"; wrong=1; }
together() { local n=$1; shift; timeout 120 mpirun --allow-run-as-root --oversubscribe -n "$n" "$@"; }
model() {           # model NAME BATCH TRAIN ENCODER: reads the rest of the file
    cat > "$1.ae" << END
ae 1
model $1

input x : image(1, 8, 8)

data {
    train = digits()
    scale = 0..1
}

encoder { $4 }
$(cat)

train {
    optimizer = $3
    batch = $2
    epochs = 4
}
END
    "$aec" build "$1.ae" --mpi -o "$1" 2> "$1.said" || { cat "$1.said"; exit 1; }
}
train() { together "$2" "./$1" train --quiet --out "$1.$2" "${@:3}" > said 2>&1 || { bad "$1 with $2 ranks:"; cat said; }; }
# alike A B: the losses of every epoch
alike() {
    paste -d '\n' "$1/metrics.jsonl" "$2/metrics.jsonl" | awk -v a="$1" -v b="$2" '
        function read(line, into,   parts, n, k, at) {
            n = split(line, parts, ",")
            for (k = 1; k <= n; k++) { at = index(parts[k], "\":"); if (parts[k] ~ /^"train\//) into[substr(parts[k], 1, at)] = substr(parts[k], at + 2) }
        }
        NR % 2 { delete one; read($0, one); next }
        { delete two; read($0, two)
          for (k in one) { seen++; d = one[k] - two[k]; s = one[k] < 0 ? -one[k] : one[k]
            if ((d < 0 ? -d : d) > 1e-4 * s || !(k in two)) { print a, b, k, one[k], two[k]; wrong = 1 } } }
        END { exit wrong || seen < 8 }' || bad "$1 and $2: other losses"
}
vae='bottleneck z ~ gaussian(8)
decoder { dense(64) reshape(1, 8, 8) }
reconstruct x ~ bernoulli
regularize { kl(z) }'

# 1,438 rows are 3 batches of 479 and one of 1
model vae 479 "adam(lr = 2e-3)" "flatten dense(64) relu" <<< "$vae"
[ -s vae.said ] && bad "in a vae examples meet"
for n in 1 2 3; do train vae $n; done
alike vae.1 vae.2
alike vae.1 vae.3
"$aec" build vae.ae -o plainly && ./plainly train --quiet --out plainly.1 || bad "without MPI"
cmp -s plainly.1/model.safetensors vae.1/model.safetensors || bad "one rank has other bits than a build without MPI"
mv vae.3 vae.again; train vae 3
cmp -s vae.3/model.safetensors vae.again/model.safetensors || bad "other bits when run again"

# several draws for an example, as one axis with the examples; in the loops to read too
sed 's/gaussian(8)/gaussian(8, samples = 3)/; s/model vae/model drawn/; s/batch = 479/batch = 100/' vae.ae > drawn.ae
printf '#!/bin/sh\nexec mpicc "$@" -O0\n' > cc && chmod +x cc       # in double nothing else here needs the runtime
"$aec" build drawn.ae --mpi --schedule plain --real f64 --cc "$PWD/cc" -o drawn || exit 1
for n in 1 3; do train drawn $n; done
alike drawn.1 drawn.3

# what is dropped, clipped, and gathered of several batches
model dense 50 "sgd(lr = 0.05, momentum = 0.9)
    accumulate = 3
    clip = 0.5" "flatten dense(64) relu dropout(0.3) dense(10)" << 'END'
decoder { dense(64) reshape(1, 8, 8) }
corrupt x { gaussian(0.1) }
reconstruct x by mse
END
for n in 1 2 3; do train dense $n; done
alike dense.1 dense.2
alike dense.1 dense.3

# states are each rank's own, and a run that was stopped goes on with them
model normed 60 "adam(lr = 2e-3)" "flatten dense(32) batchnorm relu dense(8)" << 'END'
decoder { dense(64) reshape(1, 8, 8) }
reconstruct x by mse
END
grep -q 'meet in `batchnorm`' normed.said || bad "no word of batchnorm"
train normed 2
mv normed.2 whole
train normed 2 --epochs 2
train normed 2 --resume
cmp -s whole/model.safetensors normed.2/model.safetensors || bad "another end after a stop"

# failures: the first says it, once, and all end; of one rank too, that alone has a row which is not finite
together 3 ./vae train --quiet --train none.csv --out failed > said 2>&1
[ $? = 1 ] && [ "$(grep -c '^error: none.csv' said)" = 1 ] || { bad "a file is missing:"; cat said; }
together 2 ./vae train --wrong > said 2>&1
[ $? = 2 ] && [ "$(grep -c '^error: train knows no option' said)" = 1 ] || { bad "wrong usage:"; cat said; }
awk 'BEGIN { for (n = 0; n < 4; n++) for (k = 0; k < 64; k++) printf "%s%s", n == 2 ? 3e38 : 0.5, k < 63 ? "," : "\n" }' > large.csv
sed 's/digits()/csv("large.csv")/; /scale/d; s/image(1, 8, 8)/vector(64)/; s/ reshape(1, 8, 8)//; s/flatten //; s/batch = 479/batch = 4/; s/~ bernoulli/by mse/' vae.ae > large.ae
"$aec" build large.ae --mpi -o large || exit 1
together 4 ./large train --quiet --out failed > said 2>&1
[ $? = 1 ] && [ "$(grep -c '^error: phase train, epoch 1, step 1: ' said)" = 1 ] || { bad "a loss that is not finite:"; cat said; }

# a signal to one rank stops all, with a checkpoint
timeout 120 mpirun --allow-run-as-root --oversubscribe -n 3 ./dense train --epochs 100000 --quiet --out stopped > said 2>&1 &
job=$!
for k in $(seq 100); do sleep 0.1; [ -s stopped/metrics.jsonl ] && break; done
kill -TERM $(ps -o pid= --ppid $(ps -o pid= --ppid $job) | tail -n 1)
wait $job
[ $? = 143 ] && [ -s stopped/checkpoint.safetensors ] || { bad "stopped by a signal:"; cat said; }

# what does not train is done by the first alone; a folder to take away is made by mpicc
together 3 ./vae eval --json --weights vae.3 > many && ./vae eval --json --weights vae.3 > one && cmp -s one many || bad "eval of several"
"$aec" emit vae.ae --mpi -o emitted && make -s -C emitted && together 2 emitted/vae train --quiet --out taken || bad "make in an emitted folder"
alike taken vae.1
./vae info | grep -q ', MPI$' || bad "info does not tell of MPI"
if PATH=/nowhere "$aec" build vae.ae --mpi --keep -o none 2> said; then bad "built without mpicc"; fi
grep -q 'apt-get install libopenmpi-dev openmpi-bin' said || { bad "without mpicc:"; cat said; }
exit $wrong
