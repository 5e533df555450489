#!/bin/sh
# Plants mistakes in kernels, each of which the checked emulator must report with file and line.
# usage: planted.sh PART SOURCE_DIR SCRATCH BUILD_DIR MAKE LIBRARY COMPILER FLAGS...
# PART is attention, or rest: all else. MAKE is the tool that builds BUILD_DIR, ninja or make; the library is the checked
# emulator, and the flags are those with which kernels are compiled for it.
set -eu
part=$1 root=$2 scratch=$3 build=$4 make=$5 library=$6 compiler=$7
shift 7
mkdir -p "$scratch"
cd "$scratch"
failures=0 planted=0 lines=

bad() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# changed FILE WHAT SED: planted.cu is the file after the sed; fails where that changes nothing.
changed() {
  sed "$3" "$root/$1" >planted.cu
  if cmp -s planted.cu "$root/$1"; then
    bad "NOT PLANTED: $2 ($1)"
    return 1
  fi
  planted=$((planted + 1))
}

# judge WHAT COMMAND...: the program must end in an error and say where: in the file with the mistake, or in `$where`.
judge() {
  what=$1 status=0
  shift
  "$@" >said 2>&1 || status=$?
  line=$(grep -m 1 -E "(planted\.cu|${where:-planted\.cu}):[0-9]+" said || true)
  if [ "$status" -ne 0 ] && [ -n "$line" ]; then
    echo "caught: $what: $line"
  else
    bad "MISSED: $what (status $status)"
    head -3 said >&2
  fi
}

build_own() {
  "$compiler" "$@" -w -c planted.cu -o planted.o && "$compiler" planted.o "$library" -ldl -lpthread -o planted
}

kernels=tests/simt/planted/kernels.cu

# own WHAT SED FLAGS...: a mistake in a kernel of ours.
own() {
  what=$1 script=$2
  shift 2
  changed $kernels "$what" "$script" || return 0
  build_own "$@"
  judge "$what" ./planted
}

# How a test was linked, as a command.
link_of() {
  if [ -e "$build/build.ninja" ]; then
    "$make" -C "$build" -t commands "tests/simt/$1" | tail -n 1
  else
    printf 'cd tests/simt && %s\n' "$(cat "$build/tests/simt/CMakeFiles/$1.dir/link.txt")"
  fi
}

# replaced UNIT NAME: how the test simt.checked.NAME is linked with what is planted in the place of a unit of the backend.
replaced() {
  link_of "test_checked_$2" |
    sed "s#[^ ]*/$1\.o#$scratch/planted.o#; s#-o [^ ]*test_checked_$2#-o $scratch/planted#" >link
  grep -q "$scratch/planted.o" link || bad "NOT PLANTED: $1 is not a part of test_checked_$2"
}

# in_file UNIT FILE NAME WHERE WHAT SED FLAGS...: a mistake in a file of the backend, the unit that is compiled or a header of
# it, which the test simt.checked.NAME must show: there, or in the header WHERE.
in_file() {
  unit=$1 file=$2 name=$3 where=$4 mistake=$5 script=$6
  shift 6
  replaced "$unit" "$name"
  changed "$file" "$mistake" "$script" || return 0
  if [ "$file" != "$unit" ]; then
    mkdir -p "headers/$(dirname "$file")"
    mv planted.cu "headers/$file"
    cp "$root/$unit" planted.cu
  fi
  "$compiler" "-I$scratch/headers" "$@" -w -c planted.cu -o planted.o && (cd "$build" && sh "$scratch/link")
  judge "$file: $mistake" ./planted emulated:0
  rm -rf headers
}

# without_barriers UNIT FILE NAME FLAGS...: each barrier of the file taken out in turn. `lines`: which calls are meant, if not
# all barriers.
without_barriers() {
  without=$2 found=0 at_header="(launch\\.h|$(basename "$2"))"
  unit_of=$1 test_of=$3
  shift 3
  for at in $(grep -nE "^ *(${lines:-__sync(threads|warp)})\(\);" "$root/$without" | cut -d: -f1); do
    found=$((found + 1))
    in_file "$unit_of" "$without" "$test_of" "$at_header" "without line $at" "${at}s/[a-z_<>0]*();//" "$@"
  done
  [ "$found" -gt 0 ] || bad "NOT PLANTED: $without has no barrier"
}

attention() {
  without_barriers cuda/nn/attention/wide.cu cuda/nn/attention/wide.cu nn_attention "$@"
  in_file cuda/nn/attention/wide.cu cuda/nn/attention/wide.cu nn_attention - "keys that there are not" 's/k < tokens; k += THREADS/k < ld; k += THREADS/' "$@"
  without_barriers cuda/nn/attention/forward.cu cuda/nn/attention/forward.cu nn_attention "$@"
  without_barriers cuda/nn/attention/backward_f64.cu cuda/nn/attention/backward.h nn_attention "$@"
  without_barriers cuda/nn/attention/jvp.cu cuda/nn/attention/jvp.cu nn_attention "$@"
  without_barriers cuda/nn/attention/mma_jvp.cu cuda/nn/attention/mma_jvp.cu nn_attention "$@"
  without_barriers cuda/nn/attention/mma.cu cuda/nn/attention/mma.cu nn_attention "$@"
  without_barriers cuda/nn/attention/mma_backward.cu cuda/nn/attention/mma_backward.cu nn_attention "$@"
  without_barriers cuda/nn/attention/mma_keys.cu cuda/nn/attention/mma_keys.cu nn_attention "$@"
  lines='tr_copy_wait<0>|__syncthreads'
  without_barriers cuda/nn/attention/mma.cu cuda/nn/attention/mma.h nn_halves "$@"
  lines='__syncwarp'
  without_barriers cuda/nn/attention/mma_keys.cu cuda/nn/attention/mma.h nn_halves "$@"
}

rest() {
  cp "$root/$kernels" planted.cu
  build_own "$@"
  ./planted >said 2>&1 || bad "the kernels without mistakes: $(cat said)"
  own "no barrier before what other warps wrote is read" '/\/\/ parts$/d' "$@"
  own "no barrier before a tile is overwritten" '/\/\/ overwritten$/d' "$@"
  own "no barrier before the ticket is read" '/\/\/ ticket$/d' "$@"
  own "no __syncwarp before p is read" '/\/\/ warp$/d' "$@"
  own "a bound off by one" 's/i < n ? x\[i\]\(.*\/\/ bound\)/i <= n ? x[i]\1/' "$@"
  own "no bound" 's/from + i \/ WIDE < keys ?\(.*\/\/ tokens\)/true ?\1/' "$@"
  own "too little dynamic shared memory" 's/TILE \* WIDE + ROWS \* TILE)/TILE * WIDE + ROWS * TILE - 4)/' "$@"
  own "a divergent barrier" 's/^\(.*\)\/\/ warps$/if (lane == 0) __syncthreads(); \1/' "$@"
  own "a shuffle inside divergence" 's/^\(.*\)\/\/ warps$/if (lane < 16) v = warp_sum(v); \1/' "$@"
  own "an atomic made plain" 's/atomicAdd(done, 1u)/(*done)++/' "$@"
  own "an atomic of what nothing has written" 's/atomicAdd(done, 1u)/atomicAdd(\&ticket, 1u) * 0 + &/' "$@"
  own "a race between blocks" 's/__ldcg(part + b)/part[b]/' "$@"
  own "no fence before a number is told" '/\/\/ fence$/d' "$@"
  own "an unwritten number of shared memory" '/\/\/ unwritten$/s/blockDim.x \/ 32/blockDim.x \/ 16/' "$@"
  own "no wait for a copy" '/\/\/ wait$/d' "$@"
  own "a wait that is one group short" '/\/\/ wait$/s/<1>/<2>/' "$@"
  own "no barrier behind a wait" '/\/\/ arrived$/d' "$@"
  own "a tile in use is copied over" '/\/\/ used$/d' "$@"
  own "a copy to device memory" '/\/\/ first$/s/&tile\[0\]\[t \* 4\]/y/' "$@"
  own "a copy from shared memory" '/\/\/ first$/s/x + t/\&tile[1][0] + t/' "$@"
  own "no barrier before a matrix is loaded" '/\/\/ rows$/d' "$@"
  own "a matrix of device memory" '/\/\/ matrix$/s/rows +/x +/' "$@"
  own "a matrix on the stack" '/\/\/ matrix$/s/rows + l % 16 \* 8/pairs/' "$@"
  own "a shuffle in parts of 24 lanes" 's/(~0u, v, d)/(~0u, v, d, 24)/' "$@"
  own "a shuffle by 32 lanes" 's/int d = 16/int d = 32/' "$@"
  own "a misaligned load" '/\/\/ vector$/s/(x + /(x + 1 + /' "$@"
  own "a block reads what another overwrites" '/\/\/ in place$/s/x, y)/x, x)/' "$@"
  own "a result read before the wait" '/\/\/ host$/d' "$@"
  without_barriers cuda/vec/program.cu cuda/vec/program.cu program "$@"
  in_file cuda/vec/program.cu cuda/vec/program.cu program - "no fence before sums are told" 's/^    __threadfence();//' "$@"
  without_barriers cuda/vec/deflate.cu cuda/vec/deflate.cu deflate "$@"
  without_barriers cuda/nn/column_sums.cu cuda/nn/column_sums.cu nn_gradient "$@"
  without_barriers cuda/nn/pictures/group_norm.cu cuda/nn/pictures/group_norm.cu nn_pictures "$@"
  in_file cuda/nn/pictures/gather.cu cuda/nn/pictures/gather.cu nn_conv2d_fused 'quads\.cuh' "no bound below a picture" \
    's/i >= from.height << doubled/false/' "$@"
  in_file cuda/nn/pictures/pool.cu cuda/nn/pictures/pool.cu nn_pictures 'quads\.cuh' "no bound beside a picture" \
    's/left + window.size\[1\] < from.width/true/' "$@"
  without_barriers cuda/nn/norm.cu cuda/launch.h nn_rows "$@"
  without_barriers cuda/nn/norm.cu cuda/nn/columns.cuh nn_gradient "$@"
  in_file cuda/nn/norm.cu cuda/nn/norm.cuh nn_rows 'launch\.h' "a sum in the place of the one before" 's/turn ^= 32;//' "$@"
}

"$part" "$@"
echo "$planted mistakes planted, $failures failures"
[ "$failures" -eq 0 ]
