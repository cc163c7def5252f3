#!/bin/sh
# tune.sh AEC FOLDER -- what `aec tune` measured is kept beside the file and followed, while it holds; the arena is drawn.
set -u
aec=$1 folder=$2
mkdir -p "$folder" && cp examples/quickstart.ae "$folder/q.ae" && cd "$folder" || exit 2
products() { "$aec" emit q.ae -o out 2> said && grep -qw cblas_sgemm out/model.c && echo openblas || echo generated; }
is() { [ "$1" = "$2" ] || { echo "$3: $1, not $2"; exit 1; }; }
"$aec" tune q.ae > table || exit 1
grep -q '^generated *[1-9]' table && grep -q '^processor = ' q.ae.tune || { cat table q.ae.tune; exit 1; }
is "$(products)" "$(sed -n 's/^gemm = //p' q.ae.tune)" "what won"
for gemm in openblas generated; do
    sed "s/^gemm = .*/gemm = $gemm/" q.ae.tune > other && cat other > q.ae.tune
    is "$(products)" $gemm "what the file says"
done
sed 's/^gemm = .*/gemm = openblas/' q.ae.tune > other && cat other > q.ae.tune
touch -d '1 minute' q.ae
is "$(products)" generated "a model that was changed"
grep -q 'measured before the file was changed' said || exit 1
touch -d '1 hour ago' q.ae
sed 's/^processor = .*/processor = another/' q.ae.tune > other && cat other > q.ae.tune
is "$(products)" generated "another processor"
grep -q 'measured on another processor' said || exit 1
echo 'gemm = fastest' > q.ae.tune
"$aec" emit q.ae -o out 2> said && { echo "a tune file of something else was taken"; exit 1; }
grep -q 'q.ae.tune: not what' said || exit 1
rm q.ae.tune
"$aec" show --ir plan q.ae > plan && grep -q '^The arena of train_gradient: [1-9]' plan && grep -q '#.*  encoder.dense1.y$' plan
