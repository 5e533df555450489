/* The second checkpoint of a command with guidance: --guide-ckpt (transport/autoguidance.h). */
#ifndef TR_EXPERIMENTS_INPUT_GUIDE_GUIDE_H
#define TR_EXPERIMENTS_INPUT_GUIDE_GUIDE_H

#include <jansson.h>

#include "experiments/common/common_options.h"
#include "experiments/common/program.h"
#include "experiments/input/file_hash.h"
#include "nets/model.h"

/* What is guided: the other model as it runs. */
typedef struct {
  const tr_model *model;
  const char *ckpt;
  const tr_interpolant *path; /* of its field, with the parameters in use */
} guided_model;

typedef struct {
  tr_model *model; /* NULL: there is no guide */
  const char *ckpt;
  tr_guidance guidance;
  file_hash hash;
  tr_net *net;
  tr_drift *network, *moved; /* of the net; that brought to the model's path */
  tr_drift *guided_moved;    /* the model's field as the canonical one, where the two differ */
} guide;

/* Opens --guide-ckpt for this model and begins its hash; without the option it only sees that no other option
 * of a guide is given. TR_E_ARG for a guide of other states or classes, naming both, and for one beside
 * --cfg-scale. guide_close in any case. */
tr_status guide_open(program *p, guidance_options *options, const guided_model *of, guide *out);
void guide_close(guide *g);
/* The first option of a guide that was given, "scale" of --guide-scale; NULL: none was. */
const char *guide_option_given(const guidance_options *options);
/* What guide_build made, alone. */
void guide_drop(guide *g);
/* Without what guide_build made and without the hash, for a second network of the same model; guide_drop
 * ends it. */
guide guide_unbuilt(const guide *g);

/* Whether anything but the model alone is asked, and whether the field is then the canonical one, since the
 * two predict different things or on different paths. */
bool guide_used(const guide *g);
bool guide_differs(const guide *g, const guided_model *of);
/* Forwards that an evaluation of the field takes at most. */
int guide_forwards(const guide *g);

/* *out = the autoguided field around `field`, that of the model, with a network of the guide's. */
tr_status guide_build(guide *g, const guided_model *of, tr_drift *field, const tr_net_options *options,
                      tr_drift **out);
/* Forwards of the guide so far. */
long guide_forwards_done(const guide *g);

/* What a record says of it, once its hash is finished: as of the checkpoint, with `scale`. */
json_t *guide_record(const guide *g);

#endif
