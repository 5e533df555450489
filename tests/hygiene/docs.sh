#!/bin/sh
# README.md and docs/*.md are true where a machine can tell: links, paths, benches, tests, options and names of C that they
# name exist, C is that of docs/examples, the README keeps its size, and each decision has a date and evidence.
# usage: docs.sh ROOT SCRATCH
set -eu
. "$(dirname "$0")/common.sh"

rooms='core|cuda|integrators|transport|nets|experiments|tests|docs|cmake|notebooks'

pages() {
  files | grep -E '^(README\.md|docs/[^/]*\.md)$'
}

# The text of a page without its blocks of code, all in one line.
prose() {
  awk '/^```/ { inside = !inside; next } !inside' "$1" | tr '\n' ' '
}

# The words of what stands in backticks on a page, and of its blocks of code, a line each.
code_words() {
  { prose "$1" | grep -o '`[^`]*`' || true; awk '/^```/ { inside = !inside; next } inside' "$1"; } | tr -s "\`' ,;()" '\n'
}

links_that_lead_nowhere() {
  prose "$1" | { grep -o '](\([^)]*\))' || true; } | sed 's/^](//; s/)$//; s/#.*//' | { grep -Ev '^(https?:|$)' || true; } |
    while IFS= read -r target; do
      [ -e "$(dirname "$1")/$target" ] || echo "$1: the link $target leads nowhere"
    done
}

# NAME and ROOM stand for any name.
paths_that_are_missing() {
  code_words "$1" | { grep -Ex "($rooms)/[A-Za-z0-9_./*-]*" || true; } | { grep -Ev 'NAME|ROOM' || true; } | sed 's/[.:]*$//' | sort -u |
    while IFS= read -r path; do
      # shellcheck disable=SC2086
      ls -d $path >/dev/null 2>&1 || echo "$1: there is no $path"
    done
  code_words "$1" | sed -n 's|^build/\(bench_[a-z0-9_]*\)$|\1|p' | sort -u | while IFS= read -r bench; do
    [ -f "tests/bench/$bench.c" ] || echo "$1: there is no tests/bench/$bench.c"
  done
  code_words "$1" | sed -n 's|^build/tests/test_\([a-z]*\)_\([a-z0-9_]*\)$|\1.\2|p' | sort -u |
    while IFS= read -r test; do
      test_names | grep -qxF "$test" || echo "$1: there is no test $test"
    done
}

# ROOM.NAME of every test, as tests/CMakeLists.txt names them.
test_names() {
  files | sed -n 's|^tests/\([a-z]*\)/\([a-z]*/\)\{0,1\}test_\([a-z0-9_]*\)\.c$|\1.\3|p; s|^tests/cli/\([a-z]*/\)\{0,1\}test_\([a-z_]*\)\.sh$|cli.\2|p
    s,^tests/\(hygiene\|install\|example\)s\{0\,1\}/\([a-z_]*\)\.sh$,\1.\2,p'
}

# Every part of the pattern of a `ctest -R` finds a test.
tests_that_are_missing() {
  { tr '\n' ' ' <"$1" | grep -oE "ctest [^\`]*-R +('[^']*'|[a-z0-9_.]+)" || true; } | sed "s/.*-R *//; s/'//g" | tr '|' '\n' | sort -u |
    while IFS= read -r pattern; do
      test_names | grep -q -e "$pattern" || echo "$1: no test matches '$pattern'"
    done
}

# The words of everything but the pages, without the dashes before them, sorted.
words_of_sources() {
  files | grep -E '\.(c|h|cu|cuh|cpp|inc|def|sh|py|cmake|txt|in)$' | tr '\n' '\0' | xargs -0r cat | tr -cs 'A-Za-z0-9_-' '\n' | sed 's/^-*//' | LC_ALL=C sort -u
}

# usage: names_that_are_missing PAGE WORDS. Options, functions, macros and variables of ours.
names_that_are_missing() {
  code_words "$1" | sed -n 's/^--\([a-z][a-z0-9-]*\).*/\1/p; s/^\(-D\)\{0,1\}\(\(tr_\|TR_\|TRANSIT_\)[A-Za-z0-9_]*\).*/\2/p' | LC_ALL=C sort -u |
    LC_ALL=C comm -23 - "$2" | sed "s|.*|$1: nothing is called '&'|"
}

# A block of C on a page is a part of one of the examples, line for line.
c_of_no_example() {
  awk -v page="$1" '
    FILENAME != page { text[FILENAME] = text[FILENAME] $0 "\n"; next }
    /^```c$/ { inside = 1; block = ""; start = FNR; next }
    /^```/ && inside {
      inside = found = 0
      for (name in text) found = found || index(text[name], block)
      if (!found) print page ":" start ": this C is not in docs/examples"
    }
    inside { block = block $0 "\n" }' $(files | grep -E '^docs/examples/.*\.c$') "$1"
}

readme_of_the_wrong_size() {
  awk 'length > 160 { print "README.md:" FNR ": " length " characters, at most 160" }
    END { if (FNR > 80) print "README.md has " FNR " lines, at most 80: docs/ has room" }' README.md
}

decisions_without_date_or_evidence() {
  awk 'function finish() { if (title != "" && !evidence) print "docs/decisions.md: no line \"Evidence: ...\" in: " title }
    /^##/ { finish(); title = "" }
    /^### / {
      title = $0; evidence = 0
      if ($0 !~ /\([0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]\)$/) print "docs/decisions.md: no date at the end of: " $0
    }
    /^Evidence: / { evidence = 1 }
    END { finish() }' docs/decisions.md
}

# One line an entry, each heading once in a version, no gaps within one.
changelog_out_of_order() {
  [ -f CHANGELOG.md ] || return 0
  awk '/^## / { split("", seen) }
    /^### / { if ($0 in seen) print "CHANGELOG.md:" FNR ": " $0 " stands twice in its version"; seen[$0] = 1 }
    /^- / && blank && !headed { print "CHANGELOG.md:" FNR ": an empty line before an entry" }
    /^[ \t]/ { print "CHANGELOG.md:" FNR ": an entry is one line" }
    { blank = $0 == ""; headed = /^#/ || (blank && headed) }' CHANGELOG.md
}

# usage: findings SCRATCH. Prints one line for each finding below the current folder.
findings() {
  words_of_sources >"$1/words"
  for page in $(pages); do
    links_that_lead_nowhere "$page"
    paths_that_are_missing "$page"
    tests_that_are_missing "$page"
    names_that_are_missing "$page" "$1/words"
    c_of_no_example "$page"
  done
  readme_of_the_wrong_size
  decisions_without_date_or_evidence
  changelog_out_of_order
}

# Each of these must be noticed.
self_test() {
  tree=$1/broken
  words=$1
  # shellcheck disable=SC2016
  check() { # check broken|'' TEXT [DECISIONS] [CHANGELOG]
    rm -rf "$tree"
    mkdir -p "$tree/docs/examples" "$tree/tests/core" "$tree/tests/bench" "$tree/core"
    echo 'tr_status tr_fill(double to); /* --num-heads */' >"$tree/core/array.h"
    touch "$tree/tests/core/test_vec.c" "$tree/tests/bench/bench_vjp.c"
    printf 'int one;\nint two;\n' >"$tree/docs/examples/sample.c"
    printf '### Why (2026-11-24)\nEvidence: none.\n' >"$tree/docs/decisions.md"
    printf "$2\n" >"$tree/README.md"
    [ -z "${3-}" ] || printf "$3\n" >"$tree/docs/decisions.md"
    [ -z "${4-}" ] || printf "$4\n" >"$tree/CHANGELOG.md"
    found=$(cd "$tree" && findings "$words")
    [ "$1" = "${found:+broken}" ] || die "self-test: '$2' '${3-}' gave '${found:-nothing}'"
  }
  check '' 'see [a](docs/decisions.md#why), [b](https://example.org/x), `core/array.h`, `core/`, `core/*.h`'
  check '' 'run `build/bench_vjp`, `build/tests/test_core_vec`,\n`ctest -R core.vec`'
  check '' '```c\nint two;\n```'
  check '' 'call `tr_fill(0)` with `--num-heads 4`, put it into `core/NAME.c`'
  check broken 'call `tr_none(0)`'
  check broken '```sh\ntransit --none\n```'
  check broken 'see [a](docs/none.md)'
  check broken 'see `core/none.h`'
  check broken 'run `cc core/none.c`'
  check broken '```sh\nsh tests/none.sh\n```'
  check broken 'run `build/bench_none`'
  check broken 'run `build/tests/test_core_none`'
  check broken "run \`ctest\n-R 'core.vec|core.none'\`"
  check broken '```c\nint three;\n```'
  check broken "$(printf '%161s' x)"
  check broken "$(yes '\n' | head -n 81 | tr -d '\n')"
  check broken x '### Why\nEvidence: none.'
  check broken x '### Why (2026-11-24)\n### What (2026-11-24)\nEvidence: none.'
  check broken x '### Why (2026-11-24)\nBecause.'
  check '' x '' '## 1\n\n### A\n- a\n- b\n\n### B\n- c\n\n## 0\n\n### A\n- d'
  for text in '## 1\n### A\n- a\n### A\n- b' '## 1\n### A\n- a\n  more' '## 1\n### A\n- a\n\n- b'; do
    check broken x '' "$text"
  done
  rm -rf "$tree"
}

scratch=$(cd "$2" && pwd)
root=$(cd "$1" && pwd)
(self_test "$scratch")
cd "$root"
[ "$(pages | wc -l)" -gt 5 ] || die "no pages below $PWD"
found=$(findings "$scratch")
[ -z "$found" ] || die "$found"
echo "$(pages | wc -l) pages are as they say"
