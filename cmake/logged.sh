#!/bin/sh
# Runs a command and keeps what it says in a file, which is shown when the command fails: sh logged.sh LOG COMMAND...
log=$1
shift
"$@" >"$log" 2>&1 && exit 0
status=$?
cat "$log" >&2
exit "$status"
