#!/bin/sh
# clock.sh AEC FOLDER -- every command sees the epoch, the number of training rows and the seed with which training ended.
set -u
aec=$1 folder=$2 exported=$(cd "$(dirname "$0")/../catalogue" && pwd)/exported.c
mkdir -p "$folder" && cd "$folder" || exit 2
bad() { echo "$@"; exit 1; }
cat > clock.ae << 'END'
ae 1
model clock

input x : image(1, 8, 8)

data { train = digits() }

layer late {
    in x[n, k]
    out y[n, k]
    y[n, j] = x[n, j] * epoch / epochs + log(max(1, examples))
}

layer noisy {
    in x[n, k]
    out y[n, k]
    y[n, j] = x[n, j] + 0.1 * normal()
}

encoder { flatten dense(3) tanh late }
bottleneck z ~ gaussian(2)
decoder { late noisy dense(64) reshape(1, 8, 8) }

reconstruct x by mse
regularize { kl(z) }

train { epochs = 2 }
END
"$aec" build clock.ae -o clock && ./clock train --quiet --seed 5 --out run || exit 1
./clock eval --json --weights run > eval.json || exit 1
for term in loss reconstruct 'kl(z)'; do
    said=$(tail -n 1 run/metrics.jsonl | tr '{},' '\n\n\n' | grep -F "\"test/$term\":" | tr -d ' ')
    [ "$said" = "$(tr '{},' '\n\n\n' < eval.json | grep -F "\"test/$term\":" | tr -d ' ')" ] || bad "train ends with $said, eval says $(cat eval.json)"
done
./clock encode --weights run -o z.npy && ./clock decode z.npy --weights run -o d.npy && ./clock reconstruct --weights run -o r.npy || exit 1
cmp -s d.npy r.npy || bad "decode after encode is not reconstruct"
sed 's/late noisy/late/' clock.ae > quiet.ae
"$aec" build quiet.ae -o quiet && ./quiet encode --weights run -o z.csv && ./quiet decode z.csv --weights run -o d.csv \
    && ./quiet export --c --weights run -o c.c > said || exit 1
gcc -I. -std=c11 -O1 -DHEADER='"c.h"' -DCALL=clock_decode -DTAKES=float -DIN=2 -DOUT=64 "$exported" c.c -o call -lm || exit 1
plain() { sed 1d "$1" | tr ',' ' ' | tr -s ' \n' '\n\n'; }
plain z.csv | ./call | tr -s ' ' '\n' > called
plain d.csv | paste - called | awk '$1 - $2 > 1e-4 || $2 - $1 > 1e-4 { print "the trainer decodes " $1 ", its C " $2; exit 1 }'
