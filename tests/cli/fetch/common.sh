# Shared by the tests of fetching: sourced behind tests/cli/common.sh. A hub on the loopback (hub.py) with the repositories in
# $scratch/hub, an empty cache in $scratch/home, and nothing of the caller's environment.
command -v python3 >/dev/null 2>&1 || {
  echo "skipped: there is no python3"
  exit 77
}
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE XDG_CACHE_HOME HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE TRANSFORMERS_OFFLINE \
  TORCH_HOME TRANSIT_NAMES HF_HUB_DISABLE_IMPLICIT_TOKEN http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
hub=$scratch/hub
export HOME="$scratch/home" HF_HOME="$scratch/home/hf" no_proxy=127.0.0.1
cache=$HF_HOME/hub
mkdir -p "$hub" "$HOME"

# serve: starts the hub; the caller has a trap that ends it.
serve() {
  python3 "$here/hub.py" "$hub" >"$scratch/hub.out" 2>&1 &
  server=$!
  trap 'kill "$server" 2>/dev/null' EXIT
  await "$server" test -e "$hub.ports" || exit 1
  read -r hub_port cdn_port <"$hub.ports"
  export HF_ENDPOINT="http://127.0.0.1:$hub_port"
}

# bytes FILE N: N bytes that are no other file's.
bytes() {
  mkdir -p "$(dirname "$1")"
  python3 -c 'import hashlib, sys
out, n = b"", int(sys.argv[2])
while len(out) < n: out += hashlib.sha512(b"%d" % len(out) + sys.argv[1].encode()).digest()
open(sys.argv[1], "wb").write(out[:n])' "$1" "$2"
}

# got FILE: the last command printed the path of a file with these bytes.
got() {
  checks=$((checks + 1))
  cmp -s "$1" "$(cat "$scratch/stdout")" || fail "not the bytes of $1 in '$(cat "$scratch/stdout")': $(cat "$scratch/stderr")"
}

# blob OWNER FILE: where the cache keeps its bytes.
blob() {
  echo "$cache/models--$1--r/blobs/$(sha256sum "$hub/$1/r/$2" | cut -d ' ' -f 1)"
}

# asked PATTERN N WHAT: so many requests are of this pattern.
asked() {
  equals "$(grep -cE -e "$1" "$hub.log")" "$2" "$3"
}
