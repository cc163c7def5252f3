# part-words.sh -- read by run.sh: words and what is learnt of them (36, 65).

# ---- the reader of texts ----------------------------------------------------------------------------------------
printf 'The cat saw the dog.\n\nA DOG saw, 2 x the cat the\n' > numbers.txt
"$tool" weights w.safetensors encoder.embedding1.e 9,1 0,1,2,3,4,5,6,7,8 decoder.dense1.w 5,45 0 decoder.dense1.b 45 0
numbers() {     # numbers NAME WANT ARGUMENTS: of the text above, row after row
    local got
    sed "s/text(\"numbers.txt\"/&$3/" "$here/numbers.ae" > numbers.ae
    quickly numbers numbers && ./numbers encode --weights w.safetensors -o z.npy > log 2>&1 || { bad "$1" "$(cat log)"; return; }
    got=$("$tool" get z.npy)
    if [ "$got" = "$2" ]; then ok; else bad "36: $1" "$got"; fi
}
# the 4 times, then in the order of letters: cat 2, dog 2, saw 2, a, x once; 9 numbers leave x without one
numbers "a line of words, cut or ended by 2" "4 5 7 4 6 8 6 7 3 4" ""
numbers "words that are rare" "4 5 7 4 6 3 6 7 3 4" ", min_count = 2"
numbers "a window around each word, without what is not known" "$(echo "0 0 4 5 7  0 4 5 7 4  4 5 7 4 6  5 7 4 6 0  7 4 6 0 0" \
    " 0 0 6 7 4  0 6 7 4 5  6 7 4 5 4  7 4 5 4 0  4 5 4 0 0" | tr -s ' ')" ", rows = window, min_count = 2"
numbers "pieces of five words" "4 5 7 4 6 8 6 7 3 4" ", rows = piece"
# the 3 times, cat 2, then 2, A, DOG
numbers "what stands between spaces" "3 5 3 4 3 7 8 3 6 3" ", by = space"

# ---- 36: word2vec ----------------------------------------------------------------------------------------------
# Lines of two words: each tells the other, so a row is one pair. Counts 5, 3, 1, 1; every word stands beside every other.
awk 'BEGIN { split("a b c d", w, " "); split("5 3 1 1", c, " ")
    for (i = 1; i <= 4; i++) for (j = 1; j <= 4; j++) for (k = 0; k < c[i] * c[j]; k++) print w[i], w[j] }' > words.txt
loss() { "./$1" eval --json --split train --weights "$1.run" | field train/loss; }
for layer in skipgram cbow; do
    sed "s/skipgram/$layer/" "$here/words.ae" > $layer.ae
    for k in 1 5 15; do
        quickly $layer w2v --real f64 -D k=$k && train w2v && \
            near "36: $layer begins at (k + 1) log 2 for k = $k" "$(loss w2v)" "$(awk "BEGIN { printf \"%.15g\", ($k + 1) * log(2) }")" 1e-7
    done
    # Huffman's code of 5, 3, 1, 1 has 1, 2, 3, 3 turns: 17 for ten words
    quickly $layer w2v --real f64 -D tree=1 && train w2v && \
        near "36: $layer begins at the mean number of turns in the tree" "$(loss w2v)" "$(awk 'BEGIN { printf "%.15g", 1.7 * log(2) }')" 1e-8
    # A tree of chances: what it learns comes down to the entropy of the words and never below.
    least=$(awk 'BEGIN { split("5 3 1 1", c, " "); for (i in c) h -= c[i] / 10 * log(c[i] / 10); printf "%.15g", h }')
    quickly $layer w2v --real f64 -D tree=1 -D lr=2 -D passes=400 && train w2v && {
        end=$(loss w2v)
        holds "36: $layer with a tree learns the shares of words and no more" "$end >= $least - 1e-9 && $end <= $least + 2e-3"
    }
done
# Noise words go with count^0.75: with all vectors alike, the gradient of the words' other vectors counts them.
"$tool" weights ones.safetensors encoder.skipgram1.e 20,2 1 encoder.skipgram1.o 20,2 0 encoder.skipgram1.count 20 0
awk 'BEGIN { for (k = 0; k < 500; k++) print (k % 100 < 81 ? "a" : k % 100 < 97 ? "b" : "c"), (k % 100 < 81 ? "a" : k % 100 < 97 ? "b" : "c") }' > words.txt
quickly words w2v --real f64 -D k=20 && { grad w2v --weights ones.safetensors
    # 1000 words, 20000 draws; the words 4, 5, 6 stand 810, 160 and 30 times in the text
    of encoder.skipgram1.o | awk '{ n[4] = 810; n[5] = 160; n[6] = 30; for (k in n) all += n[k]^0.75
        for (k = 4; k < 7; k++) { got = $(2 * k + 1) * 2000 + n[k]; want = 20000 * n[k]^0.75 / all; chi += (got - want)^2 / want; sum += got }
        exit !(sum > 19999.5 && sum < 20000.5 && chi < 13.8) }' && ok || bad "36: noise words go with count^0.75" "$(of encoder.skipgram1.o)"
}
# Subsampling: a word that is all of the text is kept with sqrt(rate) + rate, and a pair when both are.
awk 'BEGIN { for (k = 0; k < 10000; k++) print "a a" }' > words.txt
quickly words w2v --real f64 -D rate=0.04 && train w2v && {
    p=$(awk 'BEGIN { print 0.24^2 }')
    near "36: subsampling keeps as many pairs as it says" "$(awk "BEGIN { print $(loss w2v) / (6 * log(2)) }")" $p "$(awk "BEGIN { print 3 * sqrt($p / 20000) }")"
}
# What vectors say of words: a at 0 degrees, b at 30, c at 90, d at 100.
printf 'a a a a b b b c c d\n' > words.txt
"$tool" weights four.safetensors encoder.skipgram1.e 20,2 "1,0,1,0,1,0,1,0,3,0,1.7320508,1,0,5,-0.17364818,0.98480775,1,0" encoder.skipgram1.o 20,2 0 encoder.skipgram1.count 20 0
quickly words w2v --real f64 && ./w2v train --quiet --out w2v.run --weights four.safetensors > log 2>&1 && {
    got=$(./w2v nearest c --weights w2v.run | awk '{ printf "%s %.4f ", $1, $2 }')
    if [ "$got" = "d 0.9848 b 0.5000 a 0.0000 " ]; then ok; else bad "36: the nearest words" "$got"; fi
    got=$(./w2v analogy b a c --weights w2v.run -n 1 | awk '{ print $1 }')
    if [ "$got" = d ]; then ok; else bad "36: b is to a as c is to d" "$got"; fi
    printf '# said\na\tb\t8\nC\td\t9\na\td\t1\na\tnever\t5\n' > said.tsv
    ./w2v similarity said.tsv --json --weights w2v.run > log
    if [ "$(field pairs < log) $(field known < log) $(field spearman < log)" = "4 3 1" ]; then ok; else bad "36: similarity" "$(cat log)"; fi
    if ./w2v nearest cc --weights w2v.run > log 2>&1; then bad "36: a word that is not known"; else try "36: a word that is not known" grep -q 'no word cc' log; fi
} || bad "36: words and their vectors" "$(cat log)"

# gensim's own calibration on the Lee background corpus: "bombings" among the 50 nearest to "attacks".
if [ "$what" = all ] && [ -e "$here/../../data/lee/lee_background.cor" ]; then
    rank() { awk '$1 == "bombings" { print NR }'; }
    for set in "skipgram 0" "skipgram 1" "cbow 0"; do
        set -- $set
        build "$here/../../examples/$1" lee -D tree=$2 && train lee && {
            place=$(./lee nearest attacks -n 5000 --weights lee.run | rank)
            holds "36: $1, tree $2, bombings near attacks" "\"$place\" != \"\" && $place < 50"
        }
    done
    # 65: documents on a plane, beside two principal components of their shares of words
    codes= components=
    build "$here/../../examples/documents" documents && for seed in 0 1 2 3 4; do
        train documents --seed $seed && out=$(./documents eval --json --weights documents.run)
        codes="$codes + $(echo "$out" | field test/reconstruct)"
        components="$components + $(echo "$out" | sed -n 's|.*"test/nats(two_components(x), x)": \([^,}]*\).*|\1|p')"
    done
    codes=$(awk "BEGIN { print (0 $codes) / 5 }") components=$(awk "BEGIN { print (0 $components) / 5 }")
    holds "65: two codes write unseen documents in fewer nats than two components: $codes, $components" "$codes > 700 && $codes < $components - 2"
elif [ "$what" = all ]; then
    echo "skipped 36, 65 on the Lee corpus: \`make data\` brings it"
fi
