#!/bin/sh
# diverges.sh AEC FOLDER -- a loss that is not finite is told with the line that asks for the term.
set -u
aec=$1 folder=$2
mkdir -p "$folder" && cd "$folder" || exit 2
cat > diverges.ae << 'END'
ae 1
model diverges

input x : image(1, 8, 8)

data { train = digits()  scale = 0..1 }

encoder { flatten dense(6) }
decoder { dense(64) reshape(1, 8, 8) }

reconstruct x by mse
regularize { l2(weights) }

train {
    optimizer = sgd(lr = 1e9)
    batch = 8
    epochs = 2
}
END
"$aec" build diverges.ae -o diverges && ./diverges train --quiet --out run > said 2>&1
case $? in 1) ;; *) echo "it ends with another status than 1"; exit 1;; esac
grep -qE 'the term (reconstruct \(diverges.ae:11\)|l2\(weights\) \(diverges.ae:12\)) is (inf|-?nan)' said || { cat said; exit 1; }
