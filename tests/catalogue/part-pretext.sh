# part-pretext.sh -- read by run.sh: tasks that pictures make of themselves, and codes that are near or far (130 to 148).

# ---- 127, 136, 137, 141: views -----------------------------------------------------------------------------------------------
quickly looks looks && train looks --epochs 1 && {
    ./looks eval --split train --weights looks.run > looked
    said() { sed -n "s|^train/$1 *\([^ ]*\) .*|\1|p" looked; }
    near "136: turned back by its quarters, and four quarters are none" "$(said turns)" 0 0
    near "137: put back by its order" "$(said orders)" 0 0
    near "127: light and colour make the picture again" "$(said together)" 0 1e-10
    near "127: and whatever the colour is, its light" "$(said alight)" 0 1e-10
    [ "$(grep -cE '^train/(differs|sse)\(.*((p|sd|by) = 0|side = 0..0|range = 0..1|area = 1..1|angle = 0..0|most = 0|radius = 0|factor = 1|p = 1)\), ' looked)" = 19 ] && ok \
        || bad "141: settings at which a view changes nothing" "$(grep -c . looked)"
    while read -r line; do near "141: ${line%  *} changes nothing" "${line##* }" 0 1e-12
    done < <(sed -nE 's/^train\/((differs|sse)\(.*((p|sd|by) = 0|side = 0..0|range = 0..1|area = 1..1|angle = 0..0|most = 0|radius = 0|factor = 1|p = 1)\), .*\)) +([^ ]+) .*/\1  \5/p' looked)
    # shares and squares of 1,438 rows of 64, within three of their deviations
    told() { near "141: $1" "$(grep -F "train/$1" looked | awk '{ for (k = NF; k > 0; k--) if ($k ~ /^[0-9.e-]+$/) { print $k; exit } }')" $2 $3; }
    told 'sse(noise(lift(x), sd = 0.3)' 5.76 0.09
    told 'changed(mask(lift(x), p = 0.25)' 0.25 0.0043
    told 'changed(hide(lift(x), p = 0.4)' 0.4 0.0049
    told 'changed(salt_pepper(lift(x), p = 0.2)' 0.2 0.004
    told 'changed(erase(lift(x), side = 2..4)' 0.15104 0.0061          # 4, 9 and 16 of 64
    told 'differs(flip(lift(x), p = 0.3)' 0.3 0.0363
    told 'differs(flip_up(lift(x), p = 0.3)' 0.3 0.0363
    told 'differs(invert(lift(x), p = 0.3)' 0.3 0.0363
    told 'differs(grey(three(x), p = 0.3)' 0.3 0.0363
    told 'differs(shift(lift(x), most = 1)' 0.88889 0.0249             # all but one of nine
    told 'differs(rotate(lift(x), turns = 4)' 0.75 0.0343
    told 'factor(brightness(lift(x), by = 0.4)' 0.053333 0.0038        # by^2 / 3, deviation 2 by^2 / sqrt(45)
}

# ---- 130: only what was hidden is learnt -----------------------------------------------------------------------------
"$tool" npy x.npy 2,4 1 2 3 4 5 6 7 8; "$tool" npy at.npy 2,4 1 0 1 0 0 0 1 0
"$tool" weights w.safetensors f.dense1.w 4,4 0 f.dense1.b 4 0
quickly holes holes && {
    grad holes --weights w.safetensors
    near "130: the mean over what is gone: (1 + 9) / 2 and 49" "$(of loss)" 27 1e-5
    if [ "$(of f.dense1.b)" = "-0.5 0 -8.5 0" ]; then ok; else bad "130: what is there has no slope at all" "$(of f.dense1.b)"; fi
}

# ---- 129: holes ------------------------------------------------------------------------------------------------------------
cat "$here/../../examples/inpainting.ae" - > inpainting.ae <<'INPAINTING'

loss mean_fill {
    in v[n, c, h, w], x[n, c, h, w], gone[n, c, h, w]
    around[n, b] = mean(i, j where gone[n, b, i, j] == 0) v[n, b, i, j]
    value[n] = mean(b, i, j where gone[n, b, i, j] > 0) (around[n, b] - x[n, b, i, j])^2
}

view left {
    in gone[n, ..]
    out y[n, ..]
    y[n, ..] = 1 - gone[n, ..]
}

pretext plainly {
    let v, gone = erase(x, side = 2..4)
    minimize mean_fill(v, x, gone)
}

pretext around {
    let v, gone = erase(x, side = 2..4)
    minimize mse_at(fill(decoder(z(encoder(v))), x, gone), x, left(gone))
}
INPAINTING
sed -i 's/^train {/&\n    minimize = [inpaint, plainly, around]/' inpainting.ae
build inpainting inpainting && train inpainting $([ "$what" = all ] || echo --epochs 1) && {
    said=$(./inpainting eval --json --weights inpainting.run)
    near "129: around the hole the picture is as it was" "$(echo "$said" | field test/around)" 0 0
    [ "$what" = quick ] || holds "129: 4 dB better than the mean of what stands around" \
        "$(echo "$said" | field test/inpaint) > 0 && $(echo "$said" | field test/inpaint) * 10^0.4 < $(echo "$said" | field test/plainly)"
}

# ---- 128: twice the size ------------------------------------------------------------------------------------------------------
if [ "$what" = all ]; then
    cat "$here/../../examples/super_resolution.ae" - > sharper.ae <<'SHARPER'

## The same from means of blocks of two, between their middles in straight lines; edges are held.
view bilinear {
    in x[n, c, h, w]
    out y[n, c, h, w]
    m[n, c, i < h / 2, j < w / 2] = mean(u < 2, v < 2) x[n, c, 2 * i + u, 2 * j + v]
    p[i < h] = clamp((i + 0.5) / 2 - 0.5, 0, size(h) / 2 - 1)
    q[j < w] = clamp((j + 0.5) / 2 - 0.5, 0, size(w) / 2 - 1)
    y[n, c, i, j] = sum(u < 2, v < 2) m[n, c, floor(p[i]) + u, floor(q[j]) + v]
                  * (1 - abs(p[i] - floor(p[i]) - u)) * (1 - abs(q[j] - floor(q[j]) - v))
}

evaluate {
    sse(coarse(x, factor = 2), x)
    sse(bilinear(x), x)
    sse(decoder(z(encoder(coarse(x, factor = 2)))), x)
    sse(coarse(decoder(z(encoder(coarse(x, factor = 2)))), factor = 2), coarse(x, factor = 2))
}
SHARPER
    build sharper sharper && train sharper && {
        ./sharper eval --weights sharper.run > log 2>&1
        error() { sed -n "s|^test/sse($1) *\([^ ]*\) .*|\1|p" log; }
        reached=$(error 'decoder(z(encoder(coarse(x, factor = 2)))), x') nearest=$(error 'coarse(x, factor = 2), x') lines=$(error 'bilinear(x), x')
        holds "128: 3 dB better than blocks and than straight lines between them: $reached, $nearest, $lines" \
            "$reached > 0 && $reached * 10^0.3 < $nearest && $reached * 10^0.3 < $lines"
        again=$(error 'coarse(decoder(z(encoder(coarse(x, factor = 2)))), factor = 2), coarse(x, factor = 2)')
        holds "128: and made small again it is what it was made from, $again" "$again > 0 && $again < 0.05 * $reached"
    }
fi

# ---- 145: a loss of nothing ----------------------------------------------------------------------------------------------------
if [ "$what" = all ]; then
    sed 's/scale = 0..1/&\n    rows = 300/; s/margin = 2/margin = 1/; s/code(2)/code(8)/; s/epochs = 30/epochs = 400\n    schedule = cosine/' "$here/../../examples/pairs.ae" > apart_pairs.ae
    build apart_pairs apart_pairs && train apart_pairs && {
        cost=$(./apart_pairs eval --json --split train --weights apart_pairs.run | field train/same)
        ./apart_pairs encode --labels --split train --weights apart_pairs.run -o told.csv > log 2>&1
        read -r apart together <<< "$(awk -F, 'NR > 1 { n++; y[n] = $NF; for (k = 1; k < NF; k++) z[n, k] = $k; w = NF }
            END { for (i = 1; i <= n; i++) for (j = 1; j < i; j++) { d = 0; for (k = 1; k < w; k++) d += (z[i, k] - z[j, k])^2
                if (y[i] == y[j]) { like++; near += sqrt(d) < 0.1 } else { unlike++; far += sqrt(d) > 0.95 } }
                print far / unlike, near / like }' told.csv)"
        holds "145: where the loss is below 1e-3, $cost, 99 % of unlike pairs are a margin apart, $apart" "$cost > 0 && $cost < 1e-3 && $apart > 0.99"
        holds "145: and like ones together, $together" "$together > 0.95"
    }
fi

# ---- 146, 148: triplets, and how near and how even codes lie -------------------------------------------------------------
triplet() {     # triplet "A" "P" "Q" PLAIN TURNED
    "$tool" npy a.npy 1,2 $1; "$tool" npy p.npy 1,2 $2; "$tool" npy q.npy 1,2 $3
    grad triplets --weights w.safetensors
    near "146: $1, $2 and $3" "$(of loss.plain)" $4 1e-6; near "146: $1, $2 and $3 at length 1" "$(of loss.turned)" $5 1e-6
}
quickly triplets triplets && {
    "$tool" weights w.safetensors f.dense1.w 2,2 1,0,0,1 f.dense1.b 2 0 round.dense1.w 2,2 1,0,0,1 round.dense1.b 2 0
    triplet "0 1" "0 2" "2 1" 0 0                           # 1 - 4 + 0.5
    triplet "0 1" "0 2" "1 1" 0.5 0                         # 1 - 1 + 0.5; 0 - (2 - sqrt 2) + 0.5 < 0
    triplet "0 1" "1 0" "0 2" 1.5 2.5                       # 2 - 1 + 0.5; 2 - 0 + 0.5
    triplet "0 3" "5 0" "0 0.25" 26.9375 2.5                # lengths do not count where all are 1
    triplet "0 1" "0.5 1" "0 1.75" 0.1875 0.71114562        # 0.25 - 0.5625 + 0.5
    near "148: squared distance of pairs" "$(of loss.near)" 0.21114562 1e-6
    "$tool" npy a.npy 3,2 0 1 1 0 0 -1; "$tool" npy p.npy 3,2 0 1; "$tool" npy q.npy 3,2 1 0
    grad triplets --weights w.safetensors
    near "148: pairs at 0, 2 and 4" "$(of loss.near)" 2 1e-6
    near "148: log of the mean of exp(-2 d^2), d^2 = 2, 2, 4" "$(of loss.even)" "$(awk 'BEGIN { printf "%.9g", log((2 * exp(-4) + exp(-8)) / 3) }')" 1e-5
}

# ---- 142: what is left in the encoder ------------------------------------------------------------------------------------
if [ "$what" = all ]; then
    probed() { "./$1" eval --json --weights "$1.run" | field "test/${2:-digit.accuracy}"; }
    for task in masked which simclr byol dino jepa inpaint sharpen; do
        sed "s/\[TASK\]/[$task]/" "$here/pretext.ae" > $task.ae; build $task $task && train $task
    done
    ./simclr train --quiet --phase probe --out random.run > log 2>&1; random=$(./simclr eval --json --weights random.run | field test/digit.accuracy)
    for task in masked simclr byol dino jepa inpaint sharpen; do
        holds "142: after $task a linear head finds more than in a random encoder" "$random > 0.5 && $(probed $task) > $random + 0.04"
    done
    # 150: codes do not fall together
    wide() { ./jepa encode --weights "$1" -o c.csv > log 2>&1; awk -F, 'NR > 1 { n++; for (k = 1; k <= NF; k++) { s[k] += $k; q[k] += $k^2 } }
        END { for (k in s) { v = q[k] / n - (s[k] / n)^2; d += sqrt(v > 0 ? v : 0) / length(s) } print d }' c.csv; }
    after=$(wide jepa.run) before=$(wide random.run)
    holds "150: features deviate by $after, before by $before" "$before > 0 && $after > 0.1 * $before"
    # 151: nor into one answer, nor into none
    cat > open.txt <<'OPEN'
net student { encoder flatten dense(64) gelu dense(32) }

net teacher = copy(student)

pretext dino {
    let a = looks(x)
    let b = looks(x)
    minimize distil(student(a), student(b), teacher(a), teacher(b))
    params(teacher)[i] := 0.99 * params(teacher)[i] + 0.01 * params(student)[i]
}

## Entropies of what the teacher says, in shares of log k: of each row, and of the mean row.
loss each_entropy {
    in u[n, k]
    mu[j] = mean(n) u[n, j]
    p[n, j] = exp((u[n, j] - mu[j]) / 0.04 - logsumexp(i) ((u[n, i] - mu[i]) / 0.04))
    value[n] = -(sum(j) xlogy(p[n, j], p[n, j])) / log(size(k))
}

loss mean_entropy {
    in u[n, k]
    mu[j] = mean(n) u[n, j]
    p[n, j] = exp((u[n, j] - mu[j]) / 0.04 - logsumexp(i) ((u[n, i] - mu[i]) / 0.04))
    m[j] = mean(n) p[n, j]
    value = -(sum(j) xlogy(m[j], m[j])) / log(size(k))
}
OPEN
    sed -e 's/\[TASK\]/[dino]/; s/^evaluate.*/evaluate { each_entropy(teacher(x)) mean_entropy(teacher(x)) }/' -e '/^pretext dino(/{r open.txt
        d}' "$here/pretext.ae" > opened.ae
    build opened opened && train opened && {
        ./opened eval --json --weights opened.run > log 2>&1
        each=$(field 'test/each_entropy(teacher(x))' < log) all=$(field 'test/mean_entropy(teacher(x))' < log)
        holds "151: the teacher is rather sure of each row, $each of log k" "$each > 0 && $each < 0.5"
        holds "151: and says all things of all rows, $all of log k" "$all > 0.5 && $all <= 1"
    }
    holds "138: which of four things was done, four times in ten at least" "$(probed which which.accuracy) > 0.5"
fi
