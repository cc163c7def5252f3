# Readers: each kind trains; each broken file has its message.
mkdir -p images/{zero,one,two,three,four,five,six,seven,eight,nine} large/a torn/a none hollow/a
./tool data && ./tool zip d.npz 8 x.npy y.npy || exit 1
gzip -k x.idx y.idx d.csv

# broken ones: cut off, or with something else in one place
part() { head -c "$1" "$2" > "$3"; }
rows() { head -n "$1" d.csv | sed "$2"; }
part -100 real.npy short.npy; part 40 narrow.npy head.npy; part -30 d.npz cut.npz
part 1000 x.idx cut.idx; part -400 x.idx.gz cut.idx.gz; part 60 images/zero/000.png torn/a/1.png
./tool flip x.idx.gz flip.idx.gz $(($(wc -c < x.idx.gz) / 2)) 0x55
cp x.npy images.npy && ./tool zip other.npz 0 images.npy
{ cat x.idx; printf '\0'; } > long.idx
printf '<!DOCTYPE html><html>not found</html>' > page.idx.gz
printf 'PK and so on' > not.idx
{ printf '\357\273\277'; tr , ';' < d.csv; } > semicolon.csv
rows 3 '3s/^/x/' > word.csv
rows 3 '3s/,[^,]*$//' > ragged.csv
rows 3 '3s/[^,]*$/10/' > class.csv
rows 2 '2s/[^,]*$/"1/' > quote.csv
rows 2 '1s/digit/digits/' > names.csv
rows 2 's/^[^,]*,//' > fewer.csv
rows 2 '1s/^/extra,/; 2s/^/0,/' > more.csv
rows 1 '' > header.csv
{ rows 1 ''; printf '1,\0,3\n'; } > zero.csv
: > empty.csv
printf '<html>' > page.csv

# the same rows by every reader end in the same bits
for kind in npy npz idx csv; do
    ./$kind train --quiet --out run-$kind || bad "$kind trains"
done
for kind in npz idx; do same "$kind gives what npy gives" run-npy/model.safetensors run-$kind/model.safetensors; done
for x in x amounts; do ./standard train --quiet --out "standard-$x" --train $x.npy y.npy || bad "$x.npy trains, each column scaled for itself"; done
same "bytes are scaled as reals are" standard-x/model.safetensors standard-amounts/model.safetensors
./idx train --quiet --out run-gz --train x.idx.gz y.idx.gz && same "gzip gives what plain gives" run-gz/model.safetensors run-idx/model.safetensors
./csv train --quiet --out run-csv.gz --train d.csv.gz && same "csv.gz gives what csv gives" run-csv.gz/model.safetensors run-csv/model.safetensors
./csv train --quiet --out run-semicolon --train semicolon.csv && same "semicolons and a byte order mark" run-semicolon/model.safetensors run-csv/model.safetensors
./png train --quiet --out run-png && ok || bad "png trains"
has "folder names are kept" "$(strings run-png/model.safetensors | head -n 1)" 'eight\u000afive\u000afour'
./csv train --quiet --out run-words --train words.csv && ok || bad "words train"
./csv predict --split train --weights run-words -o words-out.csv --train words.csv
case "$(sed -n 2p words-out.csv)" in [a-z]*) ok;; *) bad "predict names classes" "$(sed -n 2p words-out.csv)";; esac
./csv train --quiet --out run-some --train some.csv && ok || bad "rows without a label train"

fails "npy objects"   1 'object.npy: is an array of Python objects, which is refused; save numbers' ./npy train --train object.npy
fails "npy big end"   1 "big.npy: its numbers have the other byte order (>f4); save them with .astype('<f4')" ./npy train --train big.npy
fails "npy fortran"   1 'fortran.npy: is in Fortran order; save it with numpy.ascontiguousarray' ./npy train --train fortran.npy
fails "npy short"     1 'short.npy: its shape needs 20480 numbers of 4 bytes, and 81820 bytes follow the header' ./npy train --train short.npy
fails "npy width"     1 'narrow.npy: is 320 x 63, where x needs 64 numbers a row' ./npy train --train narrow.npy
fails "npy nan"       1 'nan.npy: row 1, element 6 is nan' ./npy train --train nan.npy
fails "npy class"     1 'class.npy: row 17: 12 is outside of 0 to 9, the numbers that y has' ./npy train --train x.npy class.npy
fails "npy fraction"  1 'half.npy: row 17: 1.5 is no whole number, as y needs' ./npy train --train x.npy half.npy
fails "npy rows"      1 'few.npy: has 319 rows where the first array has 320' ./npy train --train x.npy few.npy
fails "npy huge"      1 'huge.npy: its shape is too large' ./npy train --train huge.npy
fails "npy header"    1 'head.npy: ends within its header, at byte 40' ./npy train --train head.npy
fails "npy other"     1 'page.odd: no reader is known for this kind of file' ./hand train --train page.odd page.csv
fails "npz cut"       1 'cut.npz: has no directory at its end; it was cut off' ./npz train --train cut.npz
fails "npz name"      1 'other.npz: has an array images, and the model no input or label of that name' ./npz train --train other.npz

fails "idx cut"       1 'cut.idx: ends at byte 1000, in row 15 of 320' ./idx train --train cut.idx y.idx
fails "idx gz cut"    1 'cut.idx.gz: the gzip data ends too early' ./idx train --train cut.idx.gz y.idx
fails "idx gz flip"   1 'flip.idx.gz: ' ./idx train --train flip.idx.gz y.idx
fails "idx long"      1 'long.idx: goes on after its 320 rows, at byte 20496' ./idx train --train long.idx y.idx
fails "idx html"      1 'page.idx.gz: this is an HTML page, not gzip' ./idx train --train page.idx.gz y.idx
fails "idx other"     1 'not.idx: is no IDX file: its first bytes are 50 4b 20 61' ./idx train --train not.idx y.idx
fails "idx labels"    1 'y.idx: has 1 numbers a row, where x needs 64' ./idx train --train y.idx x.idx
fails "idx missing"   1 'absent.idx: No such file or directory' ./idx train --train absent.idx

fails "csv word"      1 'word.csv:3: column 1 (p0): "x' ./csv train --train word.csv
fails "csv ragged"    1 'ragged.csv:3: has 64 cells, and the header has 65' ./csv train --train ragged.csv
fails "csv class"     1 'class.csv: line 3: 10 is outside of 0 to 9, the numbers that y has' ./csv train --train class.csv
fails "csv quote"     1 'quote.csv:2: a quoted cell does not end' ./csv train --train quote.csv
fails "csv column"    1 'names.csv: has no column digit; did you mean digits?' ./csv train --train names.csv
fails "csv fewer"     1 'fewer.csv: 63 columns are there for x, which needs 64' ./csv train --train fewer.csv
fails "csv more"      1 "more.csv: the column p63 is one more than the model's inputs take" ./csv train --train more.csv
fails "csv empty"     1 'empty.csv: is empty' ./csv train --train empty.csv
fails "csv no rows"   1 'header.csv: there are no rows' ./csv train --train header.csv
fails "csv html"      1 'page.csv: this is an HTML page, not CSV' ./csv train --train page.csv
fails "csv binary"    1 'zero.csv:2: column 2 has a 0 byte; is this a text file?' ./csv train --train zero.csv

fails "png size"      1 'large/a/1.png: is 9 x 9 pixels (height x width), and the input takes 8 x 8' ./png train --train large
fails "png torn"      1 'torn/a/1.png: ' ./png train --train torn
fails "png none"      1 'none: has no folders; each class is a folder of .png files' ./png train --train none
fails "png hollow"    1 'hollow: has no .png files in its folders' ./png train --train hollow
