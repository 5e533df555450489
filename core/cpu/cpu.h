/* The tables of the CPU backend's parts, shared with the guard backend. */
#ifndef TR_CORE_CPU_CPU_H
#define TR_CORE_CPU_CPU_H

#include "core/backend.h"

extern const tr_vec_ops tr_cpu_vec;

#endif
