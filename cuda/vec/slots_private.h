/* Slots: the numbers that the device leaves for the host, and what programs share on the device. */
#ifndef TR_CUDA_VEC_SLOTS_PRIVATE_H
#define TR_CUDA_VEC_SLOTS_PRIVATE_H

#include "cuda/cuda_private.h"

/* A reduction has at most so many chunks, and one more for each segment. */
#define TR_CUDA_CHUNKS 1024

/* Device memory that lasts from one program to the next. */
typedef struct {
  int64_t latch[TR_SLOTS]; /* of the watches */
  unsigned ticket;         /* how the last block of a program knows that it is the last; 0 between programs */
  double partial[TR_CUDA_CHUNKS + TR_MAX_SEGMENTS]; /* of a reduction, chunk by chunk */
} tr_cuda_tail;

struct tr_cuda_slots {
  double (*shown)[TR_MAX_SEGMENTS];           /* pinned memory of the host, and the same */
  double (*shown_on_device)[TR_MAX_SEGMENTS]; /* memory as the device addresses it */
  tr_cuda_tail *tail;
};

#endif
