#!/bin/sh
# Installs what transit needs on Debian 12: sh experiments/setup.sh run|train|figures|test
#   run      to build and run the program
#   train    the same and python3, which classes drawn digits
#   figures  that of run and gnuplot, which draws the pictures of transit sweep
#   test     what run has and what tests/run.sh uses besides; with openmpi-bin, for training on several ranks
# Does nothing when everything is there already, so it is quick and works offline then. Needs root or sudo otherwise.
# On another system: install the like of these packages, set TRANSIT_SETUP=skip, and this script leaves all as it is.
set -eu

build_packages="gcc libc6-dev make cmake ninja-build pkg-config"
library_packages="libsundials-dev libxsmm-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev libjansson-dev libssl-dev libcurl4-openssl-dev"
library_packages="$library_packages libopenblas0"
test_packages="g++ libgsl-dev clang-14 libclang-rt-14-dev libomp-14-dev clang-format-14 libopenmpi-dev openmpi-bin git python3 python3-venv"

fail() {
  echo "setup: $*" >&2
  exit 1
}

# Those of the packages given that are not installed.
missing_of() {
  for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || printf ' %s' "$package"
  done
}

# Runs a command as root without ever waiting for an answer that nobody can give.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    sudo "$@"
  fi
}

may_become_root() {
  [ "$(id -u)" -eq 0 ] && return 0
  command -v sudo >/dev/null 2>&1 || return 1
  sudo -n true 2>/dev/null || [ -t 0 ]
}

install_packages() {
  echo "setup: installing$missing"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update ||
    echo "setup: the package lists could not be refreshed; trying those at hand" >&2
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing ||
    fail "apt-get could not install$missing (its own message is above)"
}

case ${1-} in
run) wanted="$build_packages $library_packages" ;;
train) wanted="$build_packages $library_packages python3" ;;
figures) wanted="$build_packages $library_packages gnuplot-nox" ;;
test) wanted="$build_packages $library_packages $test_packages" ;;
*)
  echo "usage: sh experiments/setup.sh run|train|figures|test" >&2
  exit 2
  ;;
esac

[ "${TRANSIT_SETUP-}" != skip ] || exit 0
if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  fail "this is no Debian: install the like of $wanted, then set TRANSIT_SETUP=skip"
fi
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
[ -n "$missing" ] || exit 0
may_become_root || fail "root or sudo is needed to run: apt-get install$missing"
install_packages
