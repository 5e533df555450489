#!/bin/sh
# The arrows between rooms, read from the #include lines (docs: the table of rooms). usage: includes.sh ROOT SCRATCH
# A room may include itself and what its line allows; outside headers that belong to one room stay there.
set -eu
. "$(dirname "$0")/common.sh"

rooms='
core         core
core/cpu     core core/cpu
core/io      core core/io
core/data    core core/data core/io
cuda         core cuda
integrators  core integrators
transport    core core/io integrators transport
nets         core core/data core/io transport nets
include      core core/data core/io integrators transport nets
experiments  core core/data core/io integrators transport nets experiments
docs         include
tests        core core/cpu core/data core/io integrators transport nets experiments tests tests/simt
tests/simt   core cuda integrators tests tests/simt
'
outside='
^(sundials|nvector|cvodes?|arkode|idas?|kinsol|sunlinsol|sunmatrix|sunnonlinsol|sunadaptcontroller|sunmemory)/  integrators
^(cuda|cublas|cudnn|curand|cusparse|nccl|mma|nv)[A-Za-z0-9_]*(\.h|/)                                           cuda tests/simt
^gsl/                                                                                                         tests/gsl
^mpi\.h$                                                                                                      core/comm
^curl/                                                                                                        experiments/fetch
'

# Prints one line for each broken arrow below the current folder.
broken_arrows() {
  sources | xargs awk -v rooms="$rooms" -v outside="$outside" '
    BEGIN {
      n = split(rooms, line, "\n")
      for (i = 1; i <= n; i++) {
        k = split(line[i], word, " ")
        for (j = 2; j <= k; j++) allowed[word[1], word[j]] = 1
        if (k) known[word[1]] = 1
      }
      patterns = split(outside, line, "\n")
      for (i = 1; i <= patterns; i++) { split(line[i], word, " "); pattern[i] = word[1]; home[i] = word[2]; stand_in[i] = word[3] }
    }
    function room(path,   part) {
      split(path, part, "/")
      return (part[1] "/" part[2]) in known ? part[1] "/" part[2] : part[1]
    }
    function report(text) { print FILENAME ":" FNR ": " text }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
      match($0, /["<][^">]*/); kind = substr($0, RSTART, 1); header = substr($0, RSTART + 1, RLENGTH - 1)
      here = room(FILENAME); there = room(header)
      if (!(here in known)) { report("room " here " is not in the table of rooms"); next }
      if (kind == "<") {
        for (i = 1; i <= patterns; i++)
          if (pattern[i] != "" && header ~ pattern[i] && index(FILENAME, home[i]) != 1 &&
              (stand_in[i] == "" || index(FILENAME, stand_in[i]) != 1))
            report("<" header "> belongs to " home[i])
      } else if (header !~ /\//) report("\"" header "\": write the path from the root")
      else if (!((here, there) in allowed)) report(here " may not include " there " (\"" header "\")")
    }'
}

# Each of these must be noticed.
self_test() {
  tree=$1/broken
  check() { # check FILE LINE
    rm -rf "$tree"
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/$2"
    found=$(cd "$tree" && broken_arrows)
    [ "$1" = "${found:+broken}" ] || die "self-test: '$3' in $2 gave '${found:-nothing}'"
  }
  check broken core/a.c '#include "transport/drift.h"'
  check broken core/a.h '#include "core/cpu/cpu.h"'
  check broken integrators/a.c '#include "transport/drift.h"'
  check broken transport/a.c '#include "nets/sit/sit.h"'
  check broken nets/a.c '#include "experiments/common/program.h"'
  check broken nets/a.c '#  include	"core/cpu/guard.h"'
  check broken experiments/a.c '#include "cuda/backend.h"'
  check broken transport/a.c '#include <sundials/sundials_types.h>'
  check broken experiments/a.c '#include <cvode/cvode.h>'
  check broken tests/core/a.c '#include <nvector/nvector_serial.h>'
  check broken core/a.c '#include <cuda_runtime.h>'
  check broken nets/a.c '#include <mpi.h>'
  check broken transport/a.c '#include <gsl/gsl_integration.h>'
  check broken tests/core/a.c '#include <gsl/gsl_cdf.h>'
  check broken attic/a.c '#include "core/array.h"'
  check broken core/a.c '#include "array.h"'
  check '' integrators/a.c '#include <cvode/cvode.h>'
  check '' cuda/a.cu '#include <cuda_runtime.h>'
  check '' tests/gsl/a.c '#include <gsl/gsl_cdf.h>'
  check '' core/comm_mpi.c '#include <mpi.h>'
  check '' core/cpu/a.c '#include "core/array.h"'
  check '' nets/a.c '#include "transport/drift.h"'
  rm -rf "$tree"
}

self_test "$2"
cd "$1"
need_sources
found=$(broken_arrows)
[ -z "$found" ] || die "$found"
echo "$(sources | wc -l) files keep to the arrows"
