#!/bin/sh
# Shell scripts parse under the system's sh. usage: shell.sh ROOT
set -eu
. "$(dirname "$0")/common.sh"

cd "$1"
[ -f tests/run.sh ] || die "no tests/run.sh below $PWD"
bad=0
for script in $(files | grep '\.sh$'); do
  sh -n "$script" || bad=1
done
[ -x .ci/run ] || die ".ci/run must be executable"
grep -qx 'sh tests/run.sh' .ci/run || die ".ci/run must call: sh tests/run.sh"
exit $bad
