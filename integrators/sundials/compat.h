/* The few places where SUNDIALS 6.4 (Debian 12) and 7.x differ for us. Included in integrators/ only. */
#ifndef TR_INTEGRATORS_SUNDIALS_COMPAT_H
#define TR_INTEGRATORS_SUNDIALS_COMPAT_H

#include <stdio.h> /* before any SUNDIALS header: arkode_butcher.h of 6.4 uses FILE without it */

#include <sundials/sundials_config.h>
#include <sundials/sundials_context.h>
#include <sundials/sundials_nvector.h>
#include <sundials/sundials_types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if SUNDIALS_VERSION_MAJOR >= 7
#define TR_SUN_COMM SUN_COMM_NULL
#else
#define TR_SUN_COMM NULL
#endif

/* ERKStepX became ARKodeX in 7.1: TR_ARK(Evolve)(memory, ...). Create and SetTable keep their names. */
#if SUNDIALS_VERSION_MAJOR > 7 || (SUNDIALS_VERSION_MAJOR == 7 && SUNDIALS_VERSION_MINOR >= 1)
#define TR_ARK(name) ARKode##name
#else
#define TR_ARK(name) ERKStep##name
#endif

#ifdef __cplusplus
}
#endif

#endif
