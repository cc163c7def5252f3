#!/bin/sh
# denormals.sh AEC FOLDER -- 1e-42 is kept by the plain schedule and counts as 0 in every thread of the fast one.
set -u
aec=$1 folder=$2
mkdir -p "$folder" && cd "$folder" || exit 2
awk 'BEGIN { for (n = 0; n < 2000; n++) { for (k = 0; k < 64; k++) printf "%s1e-30", k ? "," : ""; print "" } }' > tiny.csv
cat > tiny.ae << 'END'
ae 1
model tiny

input x : vector(64)

data { train = csv("tiny.csv") }

layer shrink {
    in x[..]
    out y[..]
    y[..] = 1e-12 * x[..]
}

encoder { shrink }
decoder { dense(64) }
reconstruct x by mse
train { optimizer = sgd(lr = 0.1)  batch = 2000  epochs = 1 }
END
for schedule in plain fast; do
    "$aec" build --schedule $schedule tiny.ae -o $schedule && ./$schedule train --quiet --out run || exit 1
    for threads in 1 2 3; do
        ./$schedule encode --threads $threads --weights run/model.safetensors -o z.npy || exit 1
        bytes=$(tail -c 400000 z.npy | tr -d '\0' | wc -c)      # other than 0
        case $schedule-$bytes in
        fast-0) ;;
        fast-*) echo "the fast schedule keeps denormals with $threads threads"; exit 1;;
        plain-0) echo "the plain schedule loses denormals"; exit 1;;
        esac
    done
done
