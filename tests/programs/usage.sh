#!/bin/sh
# usage.sh AEC FOLDER -- words that a command does not take are refused with what would be right, none is passed over.
set -u
aec=$1 folder=$2
mkdir -p "$folder" && cd "$folder" || exit 2
rm -f ./*.ae && "$aec" new "it's" > said || exit 1
wrong=0
refuses() {         # refuses STATUS MESSAGE COMMAND...
    status=$1 message=$2; shift 2
    said=$("$@" 2>&1); got=$?
    [ "$got" = "$status" ] && [ "$said" = "aec: $message" ] || { wrong=1; echo "$*: status $got"; echo "$said"; }
}
refuses 2 "what the trainer is to do stands behind \`--\`: aec run 'it'\\''s.ae' -- sample" "$aec" run "it's.ae" sample -o x.png
refuses 2 "one at a time: \`b.ae\` is a second" "$aec" check a.ae b.ae
refuses 2 "\`aec check\` has no flag \`--graph\`; \`aec --help\` tells whose it is" "$aec" check --graph x.svg "it's.ae"
refuses 2 "\`aec run\` has no flag \`-o\`; \`aec --help\` tells whose it is" "$aec" run "it's.ae" -o bin
refuses 2 "\`--html\` is all of the reference: \`-o page.html\` writes it there" "$aec" doc --html page.html
for number in nan 1e400 0x10 " 8" 2*8 ""; do
    refuses 2 "\`-D\` takes name=value" "$aec" check -D "width=$number" "it's.ae"
done
refuses 2 "\`-D\` gives \`width\` twice" "$aec" check -D width=8 -Dwidth=16 "it's.ae"
refuses 2 "\`--schedule\` is given twice" "$aec" check --schedule plain --schedule=fast "it's.ae"
refuses 2 "\`-o\` takes PATH" "$aec" build "it's.ae" -o ""
refuses 1 "none/x.svg: No such file or directory" "$aec" show "it's.ae" --graph none/x.svg
touch file
refuses 1 "file/aec: Not a directory
aec: builds are kept in file/aec; XDG_CACHE_HOME=DIR keeps them in DIR/aec" env XDG_CACHE_HOME=file "$aec" run "it's.ae"
exit $wrong
