#!/bin/sh
# transit fetch: files of a hub on the loopback, in the hub's own cache, in parts where the connection is cut, by names of the table
# and of the user's own, and what is on this machine already.
# usage: test_fetch.sh PROGRAM SCRATCH
. "$(dirname "$0")/../common.sh"
. "$(dirname "$0")/common.sh"

for owner in normal cut norange unsatisfied busy wait hiccup private nameless; do bytes "$hub/$owner/r/w.pt" 10000; done
bytes "$hub/slow/r/w.pt" 400000
bytes "$hub/slow/r/lock.pt" 120000
printf '{"a": 1}\n' >"$hub/normal/r/config.json"
bytes "$hub/normal/r/sub/deep/x.bin" 500
bytes "$hub/normal/r/empty.bin" 0
bytes "$hub/files/pt.pth" 7000
bytes "$hub/files/cut" 10000
serve
fetch="$transit fetch"

# ---- the layout is the hub's own ----
check "a file" "$transit" fetch normal/r:w.pt
got "$hub/normal/r/w.pt"
commit=$(cat "$cache/models--normal--r/refs/main")
says "$cache/models--normal--r/snapshots/$commit/w.pt"
equals "$(readlink "$cache/models--normal--r/snapshots/$commit/w.pt")" "../../blobs/$(basename "$(blob normal w.pt)")" "link"
equals "$(printf %s "$commit" | wc -c | tr -d ' ')" 40 "digits of a commit"
equals "$(ls "$cache/models--normal--r/blobs")" "$(basename "$(blob normal w.pt)")" "blobs"
checks=$((checks + 1))
[ ! -s "$scratch/stderr" ] || fail "not quiet in a pipe: $(cat "$scratch/stderr")"
check "a folder" "$transit" fetch normal/r:sub/deep/
says "$cache/models--normal--r/snapshots/$commit/sub/deep"
equals "$(readlink "$cache/models--normal--r/snapshots/$commit/sub/deep/x.bin" | sed 's|[0-9a-f]\{64\}|SHA|')" "../../../../blobs/SHA" "a deep link"
check "all of it" "$transit" fetch normal/r
says "$cache/models--normal--r/snapshots/$commit"
for file in config.json sub/deep/x.bin w.pt empty.bin; do cmp "$hub/normal/r/$file" "$cache/models--normal--r/snapshots/$commit/$file" || fail "$file"; done
present "$cache/models--normal--r/blobs/$(git hash-object "$hub/normal/r/config.json" 2>/dev/null || python3 -c '
import hashlib, sys
content = open(sys.argv[1], "rb").read()
print(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())' "$hub/normal/r/config.json")"
: >"$hub.log"
check "what is there" "$transit" fetch normal/r:w.pt "normal/r@$commit:config.json"
asked ' GET ' 0 "requests for what is there"
asked ' HEAD ' 2 "questions after what is there"

# ---- a newer commit takes the place of main, and the old one stays ----
bytes "$hub/normal/r/new.bin" 100
check "a newer commit" "$transit" fetch normal/r:config.json
newer=$(cat "$cache/models--normal--r/refs/main")
differ "$cache/models--normal--r/refs/main" /dev/null
[ "$newer" != "$commit" ] || fail "the commit is still the old one"
present "$cache/models--normal--r/snapshots/$newer/config.json" "$cache/models--normal--r/snapshots/$commit/config.json"
check "HF_HUB_CACHE" env HF_HUB_CACHE="$scratch/elsewhere" "$transit" fetch normal/r:w.pt
says "$scratch/elsewhere/models--normal--r/snapshots/$newer/w.pt"
check "XDG_CACHE_HOME" env -u HF_HOME XDG_CACHE_HOME="$scratch/xdg" "$transit" fetch normal/r:w.pt
says "$scratch/xdg/huggingface/hub/models--normal--r/snapshots/$newer/w.pt"
check "HOME" env -u HF_HOME "$transit" fetch normal/r:w.pt
says "$HOME/.cache/huggingface/hub/models--normal--r/snapshots/$newer/w.pt"

# ---- cut connections, and servers that know no ranges ----
for owner in cut norange unsatisfied; do
  : >"$hub.log"
  check "$owner" "$transit" fetch "$owner/r:w.pt"
  got "$hub/$owner/r/w.pt"
  absent "$(blob "$owner" w.pt).incomplete"
done
: >"$hub.log"
rm -rf "$cache/models--cut--r"
check "a file in parts" "$transit" fetch cut/r:w.pt
for from in 3000 6000 9000; do asked "^cdn GET /cdn/cut/r/w.pt bytes=$from- " 1 "a part from $from on"; done
for owner in busy wait hiccup; do
  check "$owner" "$transit" fetch "$owner/r:w.pt"
  got "$hub/$owner/r/w.pt"
done
check "a list after a hiccup" "$transit" fetch hiccup/r
says "$cache/models--hiccup--r/snapshots/"
check "without a digest" "$transit" fetch nameless/r:w.pt
warns "its size alone is checked"

# ---- killed, and gone on with ----
partial=$(blob slow w.pt).incomplete
grown() { [ "$(stat -c %s "$partial" 2>/dev/null || echo 0)" -gt "$1" ]; }
$fetch slow/r:w.pt >"$scratch/stdout" 2>"$scratch/stderr" &
pid=$!
await "$pid" grown 60000
kill -KILL "$pid"
wait "$pid" 2>/dev/null
left=$(stat -c %s "$partial")
absent "$(blob slow w.pt)" "$cache/models--slow--r/refs"
: >"$hub.log"
$fetch slow/r:w.pt >"$scratch/stdout" 2>"$scratch/stderr" &
pid=$!
await "$pid" grown $((left + 60000))
kill -INT "$pid"
wait "$pid"
equals $? 130 "status after Ctrl-C"
checks=$((checks + 1))
grep -q "w.pt: interrupted; [0-9.]* of 400.0 kB are kept in '$partial': run it again to go on" "$scratch/stderr" || fail "Ctrl-C: $(cat "$scratch/stderr")"
asked "^cdn GET /cdn/slow/r/w.pt bytes=$left- " 1 "where the second run goes on"
# On a terminal a bar tells how far it is, and how long it will take.
check "the third run, on a terminal" python3 -c 'import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))' "$transit" fetch slow/r:w.pt
checks=$((checks + 1))
tr '\r' '\n' <"$scratch/stdout" | grep -qE '^\[#+\.+\] +[0-9]+ %  w.pt, [0-9.]+ of 400.0 kB, 0.[0-9] MB/s, [0-9]+ s left' ||
  fail "no bar: $(tr '\r' '\n' <"$scratch/stdout")"
check "what it brought" "$transit" fetch slow/r:w.pt
got "$hub/slow/r/w.pt"
absent "$partial"

# What is left may be damaged, or longer than the file.
rm "$(blob normal w.pt)"
head -c 8000 /dev/zero >"$(blob normal w.pt).incomplete"
check "a damaged part" "$transit" fetch normal/r:w.pt
got "$hub/normal/r/w.pt"
warns "is damaged, all of it is fetched again"
rm "$(blob normal w.pt)"
head -c 20000 /dev/zero >"$(blob normal w.pt).incomplete"
check "too long a part" "$transit" fetch normal/r:w.pt
got "$hub/normal/r/w.pt"
rm "$(blob normal w.pt)"
cp "$hub/normal/r/w.pt" "$(blob normal w.pt).incomplete"
check "a whole part" "$transit" fetch normal/r:w.pt
got "$hub/normal/r/w.pt"

# ---- two at a time: one waits, and the file is fetched once ----
: >"$hub.log"
$fetch slow/r:lock.pt >"$scratch/one" 2>&1 &
pid=$!
partial=$(blob slow lock.pt).incomplete
await "$pid" grown 10000
check "the second" "$transit" fetch slow/r:lock.pt
got "$hub/slow/r/lock.pt"
warns "another process fetches lock.pt: waiting for it"
wait "$pid" || fail "the first: $(cat "$scratch/one")"
asked '^cdn GET /cdn/slow/r/lock.pt' 1 "transfers of one file"

# ---- the token, and to whom it is told ----
: >"$hub.log"
check "a token" env HF_TOKEN=hf_secret "$transit" fetch private/r:w.pt
got "$hub/private/r/w.pt"
asked '^cdn .*Bearer' 0 "tokens told to another host"
asked '^hub .*Bearer hf_secret' 2 "tokens told to the hub"
rm -rf "$cache/models--private--r"
printf ' hf_secret\n' >"$HF_HOME/token"
check "a token in a file" "$transit" fetch private/r:w.pt
refuse 1 "wants a token for private/r" env HF_HUB_DISABLE_IMPLICIT_TOKEN=1 "$transit" fetch private/r:w.pt
rm "$HF_HOME/token"
for owner in moved renamed; do
  check "redirected within the hub" "$transit" fetch $owner/r:w.pt
  got "$hub/normal/r/w.pt"
done

# ---- names ----
cat >"$scratch/names.json" <<END
{"names": {"mine": {"repo": "normal/r", "files": [["none.pt", "w.pt"]], "about": "a file of mine", "aliases": ["my own"]},
           "ema": {"repo": "normal/r", "revision": "$newer", "files": ["config.json", "w.pt"]},
           "inception": {"url": "http://127.0.0.1:$hub_port/files/pt.pth", "files": ["pt.pth"], "cache": "torch",
                         "sha256": "$(sha256sum "$hub/files/pt.pth" | cut -c 1-8)"},
           "parts": {"url": "http://127.0.0.1:$hub_port/files/cut", "files": ["cut"]},
           "local": {"also": ["$hub/normal/r/w.pt"]},
           "old": {"repo": "none/none", "files": ["w.pt"], "also": ["pretrained_models/w.pt"]}}}
END
export TRANSIT_NAMES="$scratch/names.json"
check "a name of mine" "$transit" fetch mine
got "$hub/normal/r/w.pt"
check "its alias" "$transit" fetch "my own"
check "a name in place of one that is known" "$transit" fetch ema
says "$cache/models--normal--r/snapshots/$newer"
check "a URL" "$transit" fetch inception
says "$HOME/.cache/torch/hub/checkpoints/pt.pth"
got "$hub/files/pt.pth"
equals "$(ls -A "$HOME/.cache/torch/hub/checkpoints")" pt.pth "files beside it"
check "TORCH_HOME" env TORCH_HOME="$scratch/torch" "$transit" fetch inception
says "$scratch/torch/hub/checkpoints/pt.pth"
check "a URL in parts" "$transit" fetch parts
says "$HOME/.cache/transit/cut"
got "$hub/files/cut"
check "a file of this machine" "$transit" fetch local
says "$hub/normal/r/w.pt"
mkdir -p "$scratch/here/pretrained_models"
cp "$hub/cut/r/w.pt" "$scratch/here/pretrained_models/"
check "an old place" sh -c "cd '$scratch/here' && '$transit' fetch old"
says "pretrained_models/w.pt"
check "the list" "$transit" fetch --list
for text in "a file of mine" "here: $cache/models--normal--r/snapshots/$newer" SiT-XL/2-256 SiT-XL-2-512.pt "stabilityai/sd-vae-ft-mse" \
  "put by hand into $HOME/.cache/transit/nyu-visionx/SiT-collections/"; do says "$text"; done
equals "$(grep -c '^ema ' "$scratch/stdout")" 1 "times that a name is listed"
unset TRANSIT_NAMES

# ---- without a network ----
check "a folder of the newer commit" "$transit" fetch normal/r:sub/deep/
export HF_HUB_OFFLINE=1
: >"$hub.log"
check "offline" "$transit" fetch normal/r:w.pt "normal/r@$newer:config.json" normal/r:sub/deep/
refuse 1 "SiT-XL-2-256.pt of nyu-visionx/SiT-collections is not here (HF_HUB_OFFLINE is set): fetch it elsewhere and put it into '$HOME/.cache/transit/nyu-visionx/SiT-collections/'" \
  "$transit" fetch SiT-XL/2
mkdir -p "$HOME/.cache/transit/nyu-visionx/SiT-collections"
cp "$hub/cut/r/w.pt" "$HOME/.cache/transit/nyu-visionx/SiT-collections/SiT-XL-2-256.pt"
check "put by hand" "$transit" fetch SiT-XL/2
says "$HOME/.cache/transit/nyu-visionx/SiT-collections/SiT-XL-2-256.pt"
asked . 0 "requests without a network"
unset HF_HUB_OFFLINE
kill "$server"
wait "$server" 2>/dev/null
check "a hub that is gone" "$transit" fetch normal/r:w.pt
warns "the hub cannot be asked ($HF_ENDPOINT: no connection: "
got "$hub/normal/r/w.pt"
refuse 1 "w.pt of other/r is not here ($HF_ENDPOINT: no connection: " "$transit" fetch other/r:w.pt
finish
