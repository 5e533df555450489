#include "experiments/input/drawn_with.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/npz.h"
#include "core/text.h"

static const char *const names[] = {"cfg-scale",       "cfg-channels",    "cfg-interval", "path-type",
                                    "prediction",      "guide-ckpt",      "guide-scale",  "guide-weights",
                                    "guide-path-type", "guide-prediction"};
enum { NAMES = sizeof names / sizeof *names };

/* Of another checkpoint: they are left away where there is none. */
static bool is_of_guide(const char *name) {
  return strncmp(name, "guide-", 6) == 0;
}

char *drawn_with_text(const json_t *options) {
  json_t *some = json_object();
  for (int i = 0; i < NAMES; i++) {
    json_t *value = json_object_get(options, names[i]);
    if (value && !(is_of_guide(names[i]) && json_is_null(value))) json_object_set(some, names[i], value);
  }
  char *text = json_dumps(some, JSON_REAL_PRECISION(15));
  json_decref(some);
  return text;
}

/* ---- what a file tells ---- */

static json_t *parse_array(const tr_npy *npy) {
  if (npy->dtype != TR_U8 || npy->ndim != 1) return NULL;
  return json_loadb(npy->data, (size_t)npy->count, 0, NULL);
}

/* Errors are no matter here: who reads the samples says them. */
static json_t *in_archive(const char *path) {
  tr_ctx *ctx;
  tr_npz *npz;
  tr_npy npy;
  json_t *told = NULL;
  if (tr_ctx_open("cpu", 0, &ctx, NULL) != TR_OK) return NULL;
  if (tr_npz_open(ctx, path, &npz) == TR_OK) {
    if (tr_npz_has(npz, DRAWN_WITH) && tr_npz_get(npz, DRAWN_WITH, &npy) == TR_OK) {
      told = parse_array(&npy);
      tr_npy_close(&npy);
    }
    tr_npz_close(&npz);
  }
  tr_ctx_close(&ctx);
  return told;
}

/* The options in DIR/run.json, where the file is DIR/samples.npz of `transit sample`. */
static json_t *in_record(const char *path) {
  static const char samples[] = "samples.npz", record[] = "run.json";
  size_t length = strlen(path), folder = length - (sizeof samples - 1);
  if (length < sizeof samples - 1 || strcmp(path + folder, samples) != 0) return NULL;
  char *beside = malloc(folder + sizeof record);
  if (!beside) return NULL;
  snprintf(beside, folder + sizeof record, "%.*s%s", (int)folder, path, record);
  json_t *json = json_load_file(beside, 0, NULL), *told = NULL;
  const char *command = json_string_value(json_object_get(json, "command"));
  if (command && strcmp(command, "sample") == 0) told = json_incref(json_object_get(json, "options"));
  json_decref(json);
  free(beside);
  return told;
}

static json_t *told_by(const char *path) {
  size_t length = strlen(path);
  if (length < 4 || strcmp(path + length - 4, ".npz") != 0) return NULL;
  json_t *told = in_archive(path);
  return told ? told : in_record(path);
}

/* ---- what differs ---- */

/* A command without guidance has none. */
static double scale_of(const json_t *options) {
  const json_t *scale = json_object_get(options, "cfg-scale");
  return json_is_number(scale) ? json_number_value(scale) : 1;
}

static bool is_none(const json_t *value) {
  return !value || json_is_null(value);
}

/* Of its file; where there is no guide, or nobody tells, there is nothing to say. */
static bool is_of_guides_file(const char *name) {
  return strcmp(name, "guide-path-type") == 0 || strcmp(name, "guide-prediction") == 0;
}

static bool same(const json_t *a, const json_t *b, const char *name) {
  const json_t *of_a = json_object_get(a, name), *of_b = json_object_get(b, name);
  if (is_of_guide(name) && is_none(of_a) != is_none(of_b)) return is_of_guides_file(name);
  return !of_a || !of_b || json_equal(of_a, of_b);
}

static void warn(tr_ctx *ctx, const char *option, const char *path, const char *name, const json_t *was,
                 const json_t *is) {
  char *old = is_none(was) ? strdup("none") : json_dumps(was, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)),
       *now = is_none(is) ? strdup("none") : json_dumps(is, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
  tr_ctx_warn(ctx, "%s '%s' was drawn with --%s %s, this run has %s: another flow than that of these samples",
              option, TR_SHOW(path, 200), name, TR_SHOW(old ? old : "", 60), TR_SHOW(now ? now : "", 60));
  free(old);
  free(now);
}

static void compare(tr_ctx *ctx, const char *option, const char *path, const json_t *was, const json_t *is) {
  bool guided = scale_of(was) != 1 || scale_of(is) != 1;
  if (scale_of(was) != scale_of(is)) {
    tr_ctx_warn(
        ctx,
        "%s '%s' was drawn with --cfg-scale %g, this run has %g: another flow than that of these samples",
        option, TR_SHOW(path, 200), scale_of(was), scale_of(is));
    guided = false; /* that says enough of guidance */
  }
  if (!is_none(json_object_get(was, "guide-ckpt")) || !is_none(json_object_get(is, "guide-ckpt")))
    guided = true;
  for (int i = 1; i < NAMES; i++) {
    bool counts = guided || strncmp(names[i], "cfg-", 4) != 0;
    if (counts && !same(was, is, names[i]))
      warn(ctx, option, path, names[i], json_object_get(was, names[i]), json_object_get(is, names[i]));
  }
}

void drawn_with_compare(tr_ctx *ctx, const char *option, const char *path, const json_t *options) {
  json_t *told = told_by(path);
  if (told) compare(ctx, option, path, told, options);
  json_decref(told);
}
