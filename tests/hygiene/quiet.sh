#!/bin/sh
# The library never prints, exits or aborts. usage: quiet.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"
compiler=$3

forbidden='(^|[^A-Za-z0-9_.>])(v?printf|v?dprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|assert|errx?|warnx?|syslog)'

# The lines of a file that name one of these, comments and texts taken away.
offences() {
  "$compiler" -fpreprocessed -dD -E -P -x c "$1" 2>/dev/null |
    sed -E 's/"([^"\\]|\\.)*"/""/g' | grep -v '^ *#' |
    grep -nE "$forbidden *\(|\<(stdout|stderr)\>" | grep -vE '__attribute__ *\(\(format *\(printf' || true
}

self_test() {
  check() { # check WANTED LINE
    printf '%s\n' "$2" >"$1.c"
    found=$(offences "$1.c")
    rm "$1.c"
    [ "$3" = "${found:+noticed}" ] || die "self-test: '$2' gave '${found:-nothing}'"
  }
  check "$1/line" 'void f(void) { printf("x"); }' noticed
  check "$1/line" 'void f(void) { fprintf(stderr, "x"); }' noticed
  check "$1/line" 'void f(void) { if (1) exit (1); }' noticed
  check "$1/line" 'void f(void) { abort(); }' noticed
  check "$1/line" 'void f(char *s) { snprintf(s, 1, "abort() printf(x) stderr"); /* exit(1) */ }' ''
  check "$1/line" 'void on_exit_of(int x); // exit(1)' ''
}

self_test "$2"
cd "$1"
need_sources
bad=0
for file in $(library_sources); do
  found=$(offences "$file")
  [ -z "$found" ] || { bad=1 && printf '%s: %s\n' "$file" "$found" >&2; }
done
[ $bad -eq 0 ] || die "the library may not print, exit or abort: report through TR_FAIL"
