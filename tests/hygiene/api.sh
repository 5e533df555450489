#!/bin/sh
# Every function and table that a public header declares carries TR_API, and nothing in a private one does: the shared
# library exports the one and hides the other (core/api.h). usage: api.sh ROOT SCRATCH. Needs python3.
set -eu
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null 2>&1 || exit 77

# FOLDER: a line for each declaration without TR_API.
unmarked() {
  python3 - "$1" "$support" <<'PYTHON'
import sys

sys.path.insert(0, sys.argv[2])
from declarations import declarations

for d in declarations(sys.argv[1]):
    if not d.is_api:
        print("%s: %s" % (d.header, d.name))
PYTHON
}

support=$(cd "$1/tests/support" && pwd)
export PYTHONDONTWRITEBYTECODE=1
rm -rf "$2/tree"
mkdir -p "$2/tree/core"
printf 'TR_API int tr_a(void);\nint tr_b(int x);\nextern const int tr_c;\nstatic inline int tr_d(void) { return 1; }\n' >"$2/tree/core/a.h"
[ "$(unmarked "$2/tree" | wc -l)" -eq 2 ] || die "self-test: $(unmarked "$2/tree")"

cd "$1"
need_sources
found=$(unmarked .)
[ -z "$found" ] || die "declared without TR_API:
$found"
found=$(sources | grep -E '_private\.h$|^core/cpu/|^integrators/sundials/|\.c$' | xargs grep -lE '^ *TR_API ' || true)
[ -z "$found" ] || die "TR_API outside public headers:
$found"
