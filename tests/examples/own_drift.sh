#!/bin/sh
# usage: own_drift.sh PROGRAM SCRATCH
set -eu
"$1" >"$2/own_drift.out"
cat "$2/own_drift.out"
awk '{ lines++; evaluations = $(NF - 3); error = $NF }
  END { exit !(lines == 1 && evaluations > 10 && evaluations < 200 && error > 0 && error < 1e-6) }' "$2/own_drift.out"
