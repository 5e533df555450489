# The block of commands under "Use" in README.md runs as it stands, in a folder that has what the demo leaves.
. "$(dirname "$0")/common.sh"
root=$here/../..

awk '/^## / { use = $0 == "## Use" } use && /^```/ { inside = !inside; next } use && inside' "$root/README.md" >"$scratch/block.sh"
mkdir "$scratch/tree" "$scratch/tree/build"
ln -s "$root/experiments" "$scratch/tree/experiments"
ln -s "$transit" "$scratch/tree/build/transit"
for time in once twice; do
  check "the block of README.md, $time" sh -c "cd '$scratch/tree' && sh -eu ../block.sh"
done

# It is the block that is meant: every command that draws, scores or measures, each leaving what it promises.
for command in inspect 'sample ODE' 'sample SDE' likelihood loss sweep tune-grid train ablate evaluate list; do
  checks=$((checks + 1))
  grep -q "^build/transit $command" "$scratch/block.sh" || fail "README.md shows no 'transit $command'"
done
outputs=0
for out in $(sed -n 's/.*--out \([^ ]*\).*/\1/p' "$scratch/block.sh"); do
  outputs=$((outputs + 1))
  checks=$((checks + 1))
  [ -s "$scratch/tree/$out/run.json" ] || [ -s "$scratch/tree/$out/manifest.json" ] || fail "nothing was written to $out"
done
less 5 "$outputs" "outputs of the block"
finish
