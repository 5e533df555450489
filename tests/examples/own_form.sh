#!/bin/sh
# The marginal is that of the data, whatever the form's parameter: within four standard errors of 5000 samples.
# usage: own_form.sh PROGRAM SCRATCH
set -eu
"$1" >"$2/own_form.out"
cat "$2/own_form.out"
awk 'function near(a, b, most) { return a - b < most && b - a < most }
  { powers = powers $2; right += near($4, 2, 0.03) && near($8, 0.5, 0.02) }
  END { exit !(powers == "1:3:" && right == 2) }' "$2/own_form.out"
