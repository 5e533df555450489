# transit evaluate on the emulated device: the numbers of the processor, to rounding.
. "$(dirname "$0")/../common.sh"

# pictures FILE.npz FILL: five pictures, each of them grey.
pictures() {
  npy "$scratch/arr_0.npy" '|u1' '(5, 9, 9, 3)' 1215 "$2"
  (cd "$scratch" && python3 -m zipfile -c "$1" arr_0.npy && rm arr_0.npy) || fail "$1"
}

pictures samples.npz '\100'
pictures reference.npz '\220'
for device in cpu emulated:0; do
  check "on $device" "$transit" evaluate --samples "$scratch/samples.npz" --reference "$scratch/reference.npz" --no-cache --dtype f64 \
    --inception "$tests/data/goldens/inception/inception.pth" --device $device --out "$scratch/$device"
done
equals "$(number "$scratch/emulated:0/evaluate.json" device)" emulated:0 device
for name in fid sfid inception_score kid; do
  near "$scratch/emulated:0/evaluate.json" $name "$(number "$scratch/cpu/evaluate.json" $name)" 1e-8
  checks=$((checks + 1))
  awk -v a="$(number "$scratch/cpu/evaluate.json" $name)" 'BEGIN { exit !(a + 0 != 0) }' || fail "$name is 0, which says nothing"
done

finish
