#!/bin/sh
# Fills the folder OUT with PROGRAM..., the libraries that they need beside the C library's, the data of the tests, and
# gpu.sh: sh bundle.sh ROOT OUT PROGRAM... And OUT.tar.gz, which has all that in one file of half the size.
set -eu
root=$1 out=$2
shift 2
most=61440 # KiB

rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/digits"
for program; do
  strip -o "$out/bin/$(basename "$program")" "$program"
  ldd "$program" | awk '$2 == "=>" { print $3 }'
done | sort -u | grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so' | while read -r library; do
  cp -L "$library" "$out/lib/"
done
cp -r "$root/tests/data" "$out/data"
cp "$root"/experiments/digits/digits* "$out/digits/"
cp "$root/tests/gpu.sh" "$root/tests/gpu/torch_sit.py" "$root/tests/compare_torch.py" "$out/"
size=$(du -sk "$out" | cut -f 1)
tar -C "$(dirname "$out")" -cf - "$(basename "$out")" | gzip -1 >"$out.tar.gz"
echo "gpu-bundle: $out, $((size / 1024)) MiB: sh gpu.sh in it; $out.tar.gz, $(($(du -sk "$out.tar.gz" | cut -f 1) / 1024)) MiB"
[ "$size" -le "$most" ] || { echo "gpu-bundle: more than $((most / 1024)) MiB" >&2; exit 1; }
