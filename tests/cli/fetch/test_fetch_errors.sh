#!/bin/sh
# transit fetch where something is wrong: a server that lies, refuses or leads astray, a disk without room, a cache that cannot be
# written, names and tables that are none. Each is one line that says what, and no file is left that is not whole.
# usage: test_fetch_errors.sh PROGRAM SCRATCH
. "$(dirname "$0")/../common.sh"
. "$(dirname "$0")/common.sh"

owners="normal damaged longer total shift shorter expired never odd nocommit crowded down loop elsewhere gated huge drip"
for owner in $owners; do bytes "$hub/$owner/r/w.pt" 10000; done
printf '{"a": 1}\n' >"$hub/normal/r/config.json"
printf '{"a": 1}\n' >"$hub/damaged/r/config.json"
bytes "$hub/files/pt.pth" 7000
bytes "$hub/files/cut" 10000
serve

# Those that take their time wait beside the others.
"$transit" fetch shorter/r:w.pt >"$scratch/shorter.out" 2>"$scratch/shorter.err" &
shorter=$!
HF_HUB_DOWNLOAD_TIMEOUT=1 "$transit" fetch drip/r:w.pt >"$scratch/drip.out" 2>"$scratch/drip.err" &
drip=$!

# nothing OWNER: no file of its repository is there, whole or not.
nothing() {
  checks=$((checks + 1))
  [ -z "$(find "$cache/models--$1--r" -type f 2>/dev/null)" ] || fail "left of $1: $(find "$cache/models--$1--r" -type f)"
}

# ---- a server that lies ----
refuse 1 "w.pt: what the server sent has the digest $(python3 -c '
import hashlib, sys
b = open(sys.argv[1], "rb").read()
print(hashlib.sha256(b[:-1] + bytes([b[-1] ^ 1])).hexdigest()[:16])' "$hub/damaged/r/w.pt")..., $(sha256sum "$hub/damaged/r/w.pt" | cut -c 1-16)... was told: nothing is kept" \
  "$transit" fetch damaged/r:w.pt
nothing damaged
refuse 1 "config.json: what the server sent has the digest" "$transit" fetch damaged/r:config.json
nothing damaged
refuse 1 "w.pt: the server sends more than its 10000 bytes" "$transit" fetch longer/r:w.pt
nothing longer
refuse 1 "w.pt: the server says that it has 10010 bytes, but it should have 10000" "$transit" fetch total/r:w.pt
nothing total
refuse 1 "w.pt: the server sends bytes from 2999 on where those from 3000 on were asked for" "$transit" fetch shift/r:w.pt
nothing shift
refuse 1 "w.pt: the answer is 416" "$transit" fetch never/r:w.pt
nothing never
refuse 1 "does not tell the file's ETag" "$transit" fetch odd/r:w.pt
refuse 1 "answers without a commit (X-Repo-Commit): this is no hub" "$transit" fetch nocommit/r:w.pt
absent "$scratch/escape" "$HF_HOME/escape" "$cache/models--odd--r" "$cache/models--nocommit--r"

# ---- a server that refuses ----
refuse 1 "w.pt: the answer is 403: a token is needed (HF_TOKEN), or another one" "$transit" fetch expired/r:w.pt
nothing expired
refuse 1 "gated/r is gated (403): ask for access at $HF_ENDPOINT/gated/r and set HF_TOKEN" "$transit" fetch gated/r:w.pt
refuse 1 "the hub wants a token for none/none (401): it is private, or there is none of this name" "$transit" fetch none/none:w.pt
refuse 1 "the hub does not take the token of HF_TOKEN for private/r (401)" env HF_TOKEN=wrong "$transit" fetch private/r:w.pt
refuse 1 "the hub has no repository none/none (404): check the name" env HF_TOKEN=hf_secret "$transit" fetch none/none:w.pt
refuse 1 "the hub has no repository none/none (404)" "$transit" fetch none/none
refuse 1 "normal/r has no revision v9 (404)" "$transit" fetch normal/r@v9:w.pt
refuse 1 "normal/r has no file none.pt at main (404)" "$transit" fetch normal/r:none.pt
refuse 1 "normal/r has no files below 'none/'" "$transit" fetch normal/r:none/
refuse 1 "too many requests (429), it says to wait 900 s" "$transit" fetch crowded/r:w.pt
refuse 1 "w.pt of down/r is not here ($HF_ENDPOINT: the answer is 503): fetch it elsewhere and put it into" "$transit" fetch down/r:w.pt
refuse 1 "redirects more than 10 times" "$transit" fetch loop/r:w.pt
refuse 1 "redirects to 'http://127.0.0.1:$cdn_port/normal/r/resolve/main/w.pt', another place: set HF_ENDPOINT to it" "$transit" fetch elsewhere/r:w.pt
for owner in gated none private crowded down loop elsewhere; do nothing $owner; done

# ---- a disk without room, a cache that cannot be written ----
blob=$(blob normal w.pt)
refuse 1 "the file cannot be written: File too large; 4.1 of 10.0 kB are kept in '$blob.incomplete'" sh -c "ulimit -f 8; exec '$transit' fetch normal/r:w.pt"
absent "$blob"
present "$blob.incomplete"
check "with room" "$transit" fetch normal/r:w.pt
got "$hub/normal/r/w.pt"
refuse 1 "w.pt: 1000000000.0 MB are needed, and the disk of '$(blob huge w.pt).incomplete' has room for " "$transit" fetch huge/r:w.pt
nothing huge
mkdir "$scratch/closed"
: >"$scratch/a-file"
refuse 1 "folder '$scratch/a-file/hub' cannot be made: Not a directory (HF_HOME says where the cache is)" env HF_HOME="$scratch/a-file" HF_TOKEN=x \
  "$transit" fetch normal/r:w.pt
if [ "$(id -u)" -ne 0 ]; then
  chmod 500 "$scratch/closed"
  refuse 1 "folder '$scratch/closed/hub' cannot be made: Permission denied" env HF_HOME="$scratch/closed" "$transit" fetch normal/r:w.pt
  chmod 700 "$scratch/closed"
  chmod -R a-w "$cache/models--normal--r"
  check "from a cache that cannot be written" "$transit" fetch normal/r:w.pt
  chmod -R u+w "$cache/models--normal--r"
fi

# ---- what the environment says ----
refuse 2 "HF_ENDPOINT is 'ftp://x': https://HOST or http://HOST is needed" env HF_ENDPOINT=ftp://x "$transit" fetch normal/r:w.pt
for seconds in 0 1.5 3601 x; do
  refuse 2 "HF_HUB_DOWNLOAD_TIMEOUT is '$seconds': a whole number of seconds from 1 to 3600 is needed" env HF_HUB_DOWNLOAD_TIMEOUT=$seconds \
    "$transit" fetch normal/r:w.pt
done
refuse 2 "HF_TOKEN holds no token" env HF_TOKEN="a
X-Header: b" "$transit" fetch normal/r:w.pt
refuse 2 "HOME is not set: set HF_HOME" env -u HOME -u HF_HOME "$transit" fetch normal/r:w.pt
refuse 1 "(http://127.0.0.1:1: no connection" env HF_ENDPOINT=http://127.0.0.1:1 "$transit" fetch ema

# ---- names ----
refuse 1 "the hub has no repository SiT-XL/3 (404): check the name; did you mean 'SiT-XL/2'?" "$transit" fetch SiT-XL/3
refuse 2 "unknown name 'incepton': did you mean 'inception', or OWNER/NAME[@REVISION][:PATH]" "$transit" fetch incepton
refuse 2 "unknown name 'nonesuch': see 'transit fetch --list'" "$transit" fetch nonesuch
for name in a/b/c a//b ../b a/.. "a/b@" "a/b:" "a/b:../x" "a/b:/x" "a/b:x//y" "a/b@../..:x" "-a/b" "a/b--c"; do
  case $name in -*) ;; *) refuse 2 "unknown name '$name'" "$transit" fetch "$name" ;; esac
done
refuse 2 "NAME is missing" "$transit" fetch

# table TEXT MESSAGE: such a table is refused.
table() {
  printf '%s' "$1" >"$scratch/names.json"
  refuse 1 "'$scratch/names.json'$2" "$transit" fetch --names "$scratch/names.json" --list
}
table '' ", line 1, column 0: "
table '{"names": {"a": {}' ", line 1, column 18: "
table '[]' ": names: an object of names is needed"
table '{"names": {}, "more": 1}' ": keys: 'names', perhaps 'endpoint', is needed"
table '{"names": {}, "endpoint": "file:///x"}' ": endpoint: https://... or http://... is needed"
table '{"names": {"a": 1}}' ": names: 'a': its value: an object is needed"
table '{"names": {"": {}}}' ": names: '': name: 1 to 100 characters is needed"
table '{"names": {"a": {"repos": "b/c"}}}' ": names: 'a': repos: about, repo, revision,"
table '{"names": {"a": {"repo": "b", "files": ["x"]}}}' ": names: 'a': repo: OWNER/NAME is needed"
table '{"names": {"a": {"repo": "b/c"}}}' ": names: 'a': files: a list of files is needed"
table '{"names": {"a": {"repo": "b/c", "files": []}}}' ": names: 'a': files: a list of 1 to 16 files is needed"
table '{"names": {"a": {"repo": "b/c", "files": ["../x"]}}}' ": names: 'a': files: a list of paths, without '..'"
table '{"names": {"a": {"repo": "b/c", "files": [["x", 1]]}}}' ": names: 'a': files: "
table '{"names": {"a": {"repo": "b/c", "url": "http://x/y", "files": ["x"]}}}' ": names: 'a': repo: one of 'repo' and 'url'"
table '{"names": {"a": {"url": "gopher://x", "files": ["x"]}}}' ": names: 'a': url: https://... or http://... is needed"
table '{"names": {"a": {"url": "http://x/y", "files": ["x", "y"]}}}' ": names: 'a': files: one file"
table '{"names": {"a": {"url": "http://x/y", "files": ["x"], "sha256": "XYZ"}}}' ": names: 'a': sha256: 8 to 64 lower-case"
table '{"names": {"a": {"url": "http://x/y", "files": ["x"], "cache": "b"}}}' ": names: 'a': cache: 'torch' or 'transit' is needed"
table '{"names": {"a": {"also": "b"}}}' ": names: 'a': also: a list"
table '{"names": {"a": {"repo": "b/c", "files": ["x"], "aliases": [7]}}}' ": names: 'a': aliases: a list of texts is needed"
refuse 1 "TRANSIT_NAMES: cannot open '$scratch/none': No such file" env TRANSIT_NAMES="$scratch/none" "$transit" fetch --list

# A URL whose digest the table has wrong; and one without a digest, whose part of another run is not gone on with.
cat >"$scratch/names.json" <<END
{"names": {"wrong": {"url": "http://127.0.0.1:$hub_port/files/pt.pth", "files": ["pt.pth"], "sha256": "00000000"},
           "plain": {"url": "http://127.0.0.1:$hub_port/files/pt.pth", "files": ["pt.pth"]},
           "gone": {"url": "http://127.0.0.1:$hub_port/files/none", "files": ["none"]},
           "nowhere": {"also": ["$scratch/none"]}}}
END
export TRANSIT_NAMES="$scratch/names.json"
refuse 1 "pt.pth: what the server sent has the digest" "$transit" fetch wrong
absent "$HOME/.cache/transit/pt.pth" "$HOME/.cache/transit/pt.pth.incomplete" "$HOME/.cache/transit/pt.pth.lock"
head -c 100 /dev/zero >"$HOME/.cache/transit/pt.pth.incomplete"
check "without a digest" "$transit" fetch plain
got "$hub/files/pt.pth"
refuse 1 "none: the answer is 404" "$transit" fetch gone
refuse 1 "its entry names no place to fetch it from" "$transit" fetch nowhere
absent "$HOME/.cache/transit/none" "$HOME/.cache/transit/none.incomplete"

# ---- a connection that is cut again and again at the same place ----
wait "$shorter"
equals $? 1 "status of a file that never comes"
checks=$((checks + 1))
grep -q "w.pt: given up after 5 tries, the connection was cut: .* 5.0 of 10.0 kB are kept in '$(blob shorter w.pt).incomplete': run it again to go on" \
  "$scratch/shorter.err" || fail "never whole: $(cat "$scratch/shorter.err")"
equals "$(stat -c %s "$(blob shorter w.pt).incomplete")" 5000 "bytes that are kept"
absent "$(blob shorter w.pt)"
wait "$drip"
equals $? 1 "the status where the server sends 5 bytes a second"
checks=$((checks + 1))
grep -q "w.pt: given up after 5 tries, the connection was cut: .*too slow.* are kept in '$(blob drip w.pt).incomplete': run it again to go on" \
  "$scratch/drip.err" || fail "not given up: $(cat "$scratch/drip.err")"
absent "$(blob drip w.pt)"
finish
