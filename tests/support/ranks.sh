# Runs a program on several ranks of this machine: sh ranks.sh N PROGRAM ARGUMENT...
# Status 77, which is "skipped", where Open MPI's mpirun is not installed. Ranks share the processors with other tests:
# nothing is bound, and those that wait give way. A sanitized program is not searched for leaks: Open MPI leaves some behind,
# in plug-ins that are gone by then, so that nothing tells them from ours.
command -v mpirun >/dev/null 2>&1 || {
  echo "skipped: there is no mpirun (Debian: openmpi-bin)"
  exit 77
}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none # containers may forbid a process to read another's memory
# Seconds that mpirun gives ranks to end when one of them has died, and always waits; it is 1. A test that asks what the others say
# needs more where the processors are busy.
[ -z "${PATIENCE-}" ] || export OMPI_MCA_odls_base_sigkill_timeout="$PATIENCE"
export ASAN_OPTIONS="${ASAN_OPTIONS-}${ASAN_OPTIONS:+:}detect_leaks=0"
ranks=$1
shift
exec mpirun --oversubscribe --bind-to none -n "$ranks" "$@"
