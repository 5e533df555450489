#!/bin/sh
# Where cuda/library/library.c finds a library, and what it says where there is none, or one that lacks a function:
# with small ones of its own in the place of NVIDIA's. usage: cuda_library.sh ROOT SCRATCH CC
set -eu
. "$(dirname "$0")/common.sh"

root=$(cd "$1" && pwd)
scratch=$(cd "$2" && pwd)
cc=$3
rm -rf "$scratch/found"
mkdir -p "$scratch/found/bin" "$scratch/found/lib" "$scratch/found/site/nvidia/cu13/lib" "$scratch/found/own" "$scratch/found/old"
cd "$scratch/found"

cat >ask.c <<'END'
#include <stdio.h>
#include "cuda/library/library.h"
int main(void) {
  static const tr_cuda_library library = {"libtransit_ask.so.13", "nvidia-ask", "nvidia/cu13/lib:nvidia/ask/lib"};
  const char *(*first)(void) = NULL, *(*second)(void) = NULL;
  const tr_cuda_symbol symbols[] = {{"ask_first", &first}, {"ask_second", &second}};
  tr_error err = {0};
  if (tr_cuda_library_open(&library, 2, symbols, &err) != TR_OK) return puts(err.message), err.status != TR_E_DEVICE;
  return puts(first()), puts(second()), 0;
}
END
"$cc" -std=c11 -D_POSIX_C_SOURCE=200809L -I"$root" ask.c "$root/cuda/library/library.c" "$root/core/error/error.c" "$root/core/text.c" -ldl -o bin/ask

# make_library FOLDER: one that says which it is
make_library() {
  printf 'const char *ask_first(void) { return "%s"; }\nconst char *ask_second(void) { return "too"; }\n' "$1" >one.c
  "$cc" -shared -fPIC one.c -o "$1/libtransit_ask.so.13"
}
# expect WORDS [ENV ...]: they are in what the program says
expect() {
  words=$1
  shift
  said=$(env -u TRANSIT_CUDA_LIBRARIES -u LD_LIBRARY_PATH "$@" bin/ask | tr '\n' ' ')
  case $said in *"$words"*) ;; *) die "expected '$words', got '$said'" ;; esac
}

expect 'libtransit_ask.so.13 was not found in TRANSIT_CUDA_LIBRARIES (not set)'
expect "pip install nvidia-ask, and set TRANSIT_CUDA_LIBRARIES" TRANSIT_CUDA_LIBRARIES=/nowhere
expect "TRANSIT_CUDA_LIBRARIES ('/nowhere')" TRANSIT_CUDA_LIBRARIES=/nowhere
make_library lib
expect 'lib too'
make_library own
expect 'own too' LD_LIBRARY_PATH=own
expect 'own too' TRANSIT_CUDA_LIBRARIES=/nowhere::own
make_library site/nvidia/cu13/lib
expect 'site/nvidia/cu13/lib too' TRANSIT_CUDA_LIBRARIES=site LD_LIBRARY_PATH=own
printf 'int ask_first;\n' >one.c
"$cc" -shared -fPIC one.c -o old/libtransit_ask.so.13
expect 'has no ask_second: pip install -U nvidia-ask' TRANSIT_CUDA_LIBRARIES=old
rm lib/*
echo 'no library' >old/libtransit_ask.so.13
expect 'libtransit_ask.so.13 cannot be opened: ' TRANSIT_CUDA_LIBRARIES=old
echo 'libraries are found where they should be'
