# Shared by the hygiene tests.

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The project's files below the current folder: those that git tracks or would, or all but builds without git.
files() {
  if [ -e .git ] && command -v git >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files --cached --others --exclude-standard | while IFS= read -r file; do
      if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
  else
    find . -type d \( -name 'build*' -o -name out -o -name .git \) -prune -o -type f -print | sed 's|^\./||'
  fi
}

# Those in C or CUDA C.
sources() {
  files | grep -E '\.(c|h|cu|cuh)$'
}

# A check that looked at nothing has shown nothing.
need_sources() {
  [ -n "$(sources | head -n 1)" ] || die "no sources below $PWD"
}

# Those of the library: everything that a program links.
library_sources() {
  sources | grep -E '^(core|cuda|integrators|transport|nets)/'
}
