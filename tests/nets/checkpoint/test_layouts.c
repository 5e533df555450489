/* How trainers lay out their files: sets of weights under any key, names that wrappers change, values that
 * nobody knows beside them, shards; and files that are no checkpoint. */
#include <stdlib.h>
#include <sys/resource.h>

#include "core/io/zip_write_private.h"
#include "nets/checkpoint/checkpoint_private.h"
#include "tests/support/check.h"
#include "tests/support/damage.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/nets/torch_file.h"
#include "tests/support/scratch.h"

static tr_ctx *ctx;

static tr_checkpoint *open_what(const char *what) {
  tr_checkpoint *c;
  torch_file_write(scratch("file.pt"), what);
  CHECK_OK(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c));
  if (!c) printf("(that was %s)\n", what);
  return c;
}

/* The first number of a tensor; NAN: it is not there. */
static double first_of(const tr_checkpoint *c, const char *set, const char *name) {
  tr_tensors t;
  double value[2] = {NAN};
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, set, &t));
  const tr_tensor *found = tr_tensors_find(&t, name);
  if (found && found->count <= 2) CHECK_OK(ctx, tr_tensor_to_f64(ctx, found, value));
  tr_ctx_clear(ctx);
  return value[0];
}

/* The file has these sets, in the order in which they would be used, and the tensor of the first is `value`.
 */
static void sets(const char *what, const char *names, const char *tensor, double value) {
  char have[400] = "";
  tr_checkpoint *c = open_what(what);
  if (!c) return;
  for (int i = 0; tr_checkpoint_set_name(c, i); i++)
    snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", i ? " " : "",
             tr_checkpoint_set_name(c, i));
  CHECK(strcmp(have, names) == 0);
  if (strcmp(have, names) != 0) printf("(%s gave the sets %s)\n", what, have);
  CHECK(first_of(c, NULL, tensor) == value);
  tr_checkpoint_close(&c);
}

/* Weights under any key, an average before a model, the model before what is smaller. */
static void keys(void) {
  sets("{a.w:T1,a.b:T2,b.w:T3}", "weights", "a.w", 1);
  sets("{model:{a.w:T1,b.w:T2},ema:{a.w:T3,b.w:T4}}", "ema model", "a.w", 3);
  sets("{state_dict:{a.w:T1,b.w:T2}}", "state_dict", "a.w", 1);
  sets("{model_state_dict:{a.w:T1,b.w:T2},epoch:#7}", "model_state_dict", "a.w", 1);
  sets("{net:{a.w:T1,b.w:T2},model_ema:{module:{a.w:T3,b.w:T4},decay:#1}}", "model_ema.module net", "a.w", 3);
  sets("{state_dict:{a.w:T1,b.w:T2},state_dict_ema:{a.w:T3,b.w:T4}}", "state_dict_ema state_dict", "a.w", 3);
  sets("{discriminator:{a.w:T1,b.w:T2,c.w:T2},generator:{a.w:T3,b.w:T4}}", "discriminator generator", "a.w",
       1);
  /* averages of one number beside a model are no weights to use */
  sets("{log:{ema_loss:T9},ema:{loss:T9},model:{a.w:T1,b.w:T2,c.w:T3}}", "model log ema", "a.w", 1);
  sets("{ema:!Average{shadow:{a.w:T3,b.w:T4}},model:{a.w:T1,b.w:T2}}", "ema.shadow model", "a.w", 3);
  /* what optimisers and schedules keep is none */
  sets("{model:{a.w:T1},optimizer:{state:{m:T1,v:T2}},opt:{a:{m:T1}},lr_scheduler:{x:T2},rng_state:{t:@}}",
       "model", "a.w", 1);
}

/* Wrappers change names; a layer's own name stays. */
static void names(void) {
  sets("{model:{module.a.w:T1,module.b.w:T2}}", "model", "a.w", 1);
  sets("{state_dict:{model.a.w:T1,model.b.w:T2}}", "state_dict", "a.w", 1);
  sets("{ema:{n_averaged:S4,module.a.w:T1,module.b.w:T2}}", "ema", "a.w", 1);
  sets("{model:{_orig_mod.a.w:T1,_orig_mod.b.w:T2}}", "model", "a.w", 1);
  sets("{model:{module._orig_mod.model.a.w:T1,module._orig_mod.model.b.w:T2}}", "model", "a.w", 1);
  sets("{model:{a.0._orig_mod.w:T1,b.w:T2}}", "model", "a.0.w", 1);
  sets("{model:{a_orig_mod.w:T1,b.w:T2}}", "model", "a_orig_mod.w", 1);
  sets("{module.w:T1,module.b:T2}", "weights", "w", 1);
  tr_checkpoint *c;
  torch_file_write(scratch("file.pt"), "{model:{a._orig_mod.w:T1,a.w:T2}}");
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO,
              "model has two tensors named a.w");
}

/* Networks beside others in one set, and those that share an unknown first word, are sets for those who ask.
 */
static void parts(void) {
  tr_checkpoint *c = open_what("{state_dict:{model.a.w:T1,model.b.w:T2,ema.a.w:T3,ema.b.w:T4,vae.a.w:T5}}");
  CHECK(first_of(c, NULL, "model.a.w") == 1 && first_of(c, "state_dict.model", "a.w") == 1);
  CHECK(first_of(c, "ema", "a.w") == 3 && first_of(c, "state_dict.ema", "b.w") == 4);
  CHECK(strcmp(tr_checkpoint_candidate(c, NULL, "state_dict", 0), "state_dict.ema") == 0 &&
        strcmp(tr_checkpoint_candidate(c, NULL, "state_dict", 1), "state_dict.model") == 0 &&
        !tr_checkpoint_candidate(c, NULL, "state_dict", 2) && !tr_checkpoint_candidate(c, NULL, "state", 0));
  tr_checkpoint_close(&c);
  c = open_what("{trainer.a.w:T1,trainer.b.w:T2}");
  CHECK(first_of(c, NULL, "trainer.a.w") == 1 && first_of(c, "weights.trainer", "a.w") == 1);
  CHECK(!tr_checkpoint_candidate(NULL, NULL, NULL, 0) && !tr_checkpoint_candidate(c, NULL, NULL, -1));
  tr_checkpoint_close(&c);
}

static void asked_for(void) {
  tr_tensors t;
  tr_checkpoint *c = open_what("{state_dict:{a.w:T1,b.w:T2},state_dict_ema:{a.w:T3,b.w:T4},other:{c.w:T5}}");
  CHECK(first_of(c, "ema", "a.w") == 3 && first_of(c, "model", "a.w") == 1 &&
        first_of(c, "other", "c.w") == 5);
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "best", &t), TR_E_ARG,
              "has no weights named 'best': it has state_dict_ema, state_dict and other");
  tr_checkpoint_close(&c);
  c = open_what("{ema:{a.w:T3,b.w:T4}}");
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "model", &t), TR_E_ARG,
              "has no weights named 'model': it has ema");
  tr_checkpoint_close(&c);
}

/* Nothing beside the weights is in their way, whatever it is, and what is wrong with one set is in nobody's
 * way. */
static void in_nobodys_way(void) {
  sets("{ema:{a.w:T1},args:!Config,rng:[!state,#3],log:{loss:[#1,!x]},sched:!Counter,b:B5}", "ema", "a.w", 1);
  sets("{ema:{a.w:T1,b.w:T2,a._extra_state:!x,c:[T3]}}", "ema", "a.w", 1);
  sets("{model:{a.w:T1,b.w:@,c.w:B5}}", "model", "a.w", 1);
  tr_tensors t;
  tr_checkpoint *c = open_what("{ema:{shadow_params:[T1,T2],decay:#1},model:{a.w:T3,b.w:T4}}");
  CHECK(first_of(c, NULL, "a.w") == 3 && strcmp(tr_checkpoint_set_name(c, 1), "ema.shadow_params") == 0);
  CHECK(strstr(tr_checkpoint_set_problem(c, 1), "list of tensors without names") &&
        !tr_checkpoint_set_problem(c, 0) && !tr_checkpoint_set_problem(c, 2));
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "ema.shadow_params", &t), TR_E_IO, "without names");
  tr_checkpoint_close(&c);
  c = open_what("{ema:{a._orig_mod.w:T1,a.w:T2},model:{a.w:T3,b.w:T4}}");
  CHECK(first_of(c, "model", "a.w") == 3);
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "ema", &t), TR_E_IO, "two tensors named a.w");
  tr_checkpoint_close(&c);
  const char *first = NULL;
  c = open_what("{ema:{a.w:T1,_extra_state:T5,b.w:T2,b.c._extra_state:T6}}");
  CHECK(tr_checkpoint_passed_over(c, "ema", &first) == 2 && strcmp(first, "_extra_state") == 0);
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, "ema", &t));
  CHECK(t.n == 2 && first_of(c, "ema", "b.w") == 2);
  tr_checkpoint_close(&c);
  c = open_what("{ema:{a.w:T1,b.w:T2,c.w:T2,a._extra_state:!x,n:#3}}");
  CHECK(tr_checkpoint_passed_over(c, "ema", &first) == 2 && strcmp(first, "a._extra_state") == 0 &&
        tr_checkpoint_passed_over(c, "none", &first) == 0);
  tr_checkpoint_close(&c);
}

/* Of a key that stands there twice the last value counts, in the root and in a set. */
static void twice(void) {
  sets("{ema:{a.w:T1},ema:{a.w:T2}}", "ema", "a.w", 2);
  sets("{ema:{a.w:T1,b.w:T5,a.w:T2}}", "ema", "a.w", 2);
}

static void check_arg(const tr_checkpoint *c, const char *name, const char *want) {
  const char *have = tr_checkpoint_arg(c, name);
  CHECK(have && strcmp(have, want) == 0);
  if (have && strcmp(have, want) != 0) printf("(%s is %s)\n", name, have);
}

/* Arguments of any class and under the keys of other trainers. */
static void arguments(void) {
  tr_checkpoint *c =
      open_what("{ema:{a.w:T1},args:!Namespace{n:%5,t:^int8,o:!Enum,l:[#1,'two'],d:{a:#1},n:%7}}");
  check_arg(c, "n", "7");
  check_arg(c, "t", "m.int8");
  check_arg(c, "o", "m.Enum()");
  check_arg(c, "l", "[1, two]");
  check_arg(c, "d", "<dict>");
  tr_checkpoint_close(&c);
  static const char *const others[] = {"config", "cfg", "hyper_parameters", "hparams"};
  for (int i = 0; i < 4; i++) {
    char what[80];
    snprintf(what, sizeof what, "{ema:{a.w:T1},%s:{n:#%d}}", others[i], i);
    c = open_what(what);
    check_arg(c, "n", (char[]){(char)('0' + i), 0});
    tr_checkpoint_close(&c);
  }
}

/* Numbers that are repeated instead of stored. */
static void out_of_proportion(void) {
  tr_tensors t;
  tr_checkpoint *c = open_what("{ema:{a.w:E300},model:{a.w:E1,b.w:T1}}");
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "ema", &t), TR_E_IO,
              "the tensors of ema would be 1200.0 MB");
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, "model", &t)); /* 4 MB: no harm */
  tr_checkpoint_close(&c);
}

/* Of the byte order six bytes are wanted: an entry of 28 MB is not unpacked. */
static void byte_order(void) {
  struct rusage before, after;
  tr_checkpoint *c;
  getrusage(RUSAGE_SELF, &before);
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, TR_TEST_DATA "/cases/order.pt", &c), TR_E_IO, "is not 'little'");
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 5000); /* kB */
}

/* ---- what is refused ---- */

static void refused(const char *bytes, size_t size, const char *word) {
  tr_checkpoint *c;
  write_whole(scratch("file.pt"), bytes, size);
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO, word);
}
#define REFUSED(bytes, word) refused(bytes, sizeof bytes - 1, word)

/* What lies behind a text of blanks is not looked at. */
static void only_blanks(void) {
  static const char blanks[2][5] = {" {", "\xef\xbb\xbf{"};
  static char path[] = "blanks";
  tr_checkpoint *c;
  for (int i = 0; i < 2; i++) {
    const tr_file_map map = {
        .data = (const unsigned char *)blanks[i], .size = strlen(blanks[i]) - 1, .path = path};
    CHECK_ERROR(ctx, tr_checkpoint_read(ctx, &map, &c), TR_E_IO, "it is text");
  }
}

static void mistaken(void) {
  tr_checkpoint *c;
  char tar[1024] = "model.pt";
  memcpy(tar + 257, "ustar", 5);
  refused(tar, sizeof tar, "is a tar: unpack it with tar xf");
  REFUSED("version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer");
  REFUSED("\n <!DOCTYPE html>\n<html>", "is a web page");
  REFUSED("\xef\xbb\xbf<html>", "is a web page");
  REFUSED("\x1f\x8b\x08", "is packed by gzip: unpack it with gunzip");
  REFUSED("\x28\xb5\x2f\xfd", "is packed by zstd");
  REFUSED("\x80\x04}.", "is a plain pickle, not torch.save's");
  REFUSED("\x93NUMPY\1\0", "is an array of NumPy");
  REFUSED("{\"num_heads\": 4}", "is JSON text: arguments go into FILE.json");
  REFUSED("hello\n", "is text");
  REFUSED("\1\2\3\4", "begins neither as PyTorch's");
  torch_file_write(scratch("file.pt"), "!SiT{_parameters:{a:T1},_modules:{},training:#1}");
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO,
              "holds a whole module (m.SiT), whose code would be needed: save its state dict");
  torch_file_write(scratch("file.pt"), "{model:!SiT{_parameters:{a:T1},_modules:{}},epoch:#1}");
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO, "holds a whole module (m.SiT)");
  torch_file_write(scratch("file.pt"), "{epoch:#1,loss:[T1]}");
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO, "its keys are epoch, loss");
}

/* An archive of these two entries, each an empty dict. */
static void archive(const char *first, const char *second, const char *word) {
  const char *const names[] = {first, second};
  tr_checkpoint *c;
  tr_zip_out *zip;
  CHECK_OK(ctx, tr_zip_out_create(ctx, scratch("file.pt"), TR_ZIP32_MAX, &zip));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_zip_out_begin(zip, names[i], 4));
    CHECK_OK(ctx, tr_zip_out_write(zip, "\x80\x02}.", 4));
  }
  CHECK_OK(ctx, tr_zip_out_commit(&zip));
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c), TR_E_IO, word);
}

static void archives(void) {
  archive("m/data.pkl", "m/constants.pkl", "is TorchScript (torch.jit.save), which is a program");
  archive("m/data.pkl", "m/version", "has no tensors");
  archive("arr_0.npy", "arr_1.npy", "it is an .npz of NumPy's arrays");
  archive("notes.txt", "run/model.pt", "a checkpoint is packed in it: unpack it with unzip");
  archive("notes.txt", "m/other.pkl", "it has no NAME/data.pkl");
}

/* The magic number as the other protocols write it. */
static void protocols(void) {
  static const char *const magics[] = {"\x80\x03\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                                       "L119547037146038801333356L\n."};
  static const char rest[] =
      "\x80\x02M\xe9\x03.}X\x0d\0\0\0little_endian\x88s."
      "}X\3\0\0\0a.wctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
      "X\1\0\0\0kX\3\0\0\0cpuK\1NtQK\0K\1\x85K\1\x85\x89NtRs."
      "]X\1\0\0\0ka.\1\0\0\0\0\0\0\0\0\0\x20\x40";
  for (int i = 0; i < 2; i++) {
    char bytes[400];
    const size_t n = strlen(magics[i]);
    tr_checkpoint *c;
    memcpy(bytes, magics[i], n);
    memcpy(bytes + n, rest, sizeof rest - 1);
    write_whole(scratch("file.pt"), bytes, n + sizeof rest - 1);
    CHECK_OK(ctx, tr_checkpoint_open(ctx, scratch("file.pt"), &c));
    CHECK(first_of(c, NULL, "a.w") == 2.5);
    tr_checkpoint_close(&c);
  }
}

/* ---- shards ---- */

static void write_index(const char *text) {
  write_whole(scratch("x.safetensors.index.json"), text, strlen(text));
}

static void bad_index(const char *text, const char *word) {
  tr_checkpoint *c;
  write_index(text);
  CHECK_ERROR(ctx, tr_checkpoint_open(ctx, scratch("x.safetensors.index.json"), &c), TR_E_IO, word);
}

static void shards(void) {
  const double data[] = {1, 2, 3};
  const tr_tensor one[] = {tr_tensor_of_f64("a.w", 1, (int64_t[]){3}, data),
                           tr_tensor_of_f64("b.w", 1, (int64_t[]){1}, data + 1)};
  const tr_tensor two[] = {tr_tensor_of_f64("c.w", 1, (int64_t[]){1}, data + 2)};
  tr_checkpoint *c;
  safetensors_write(scratch("x-1.safetensors"), &(tr_tensors){.n = 2, .items = one}, "F32");
  safetensors_write(scratch("x-2.safetensors"), &(tr_tensors){.n = 1, .items = two}, "F32");
  write_index(
      "{\"metadata\": {}, \"weight_map\": {\"a.w\": \"x-1.safetensors\", \"c.w\": \"x-2.safetensors\"}}");
  CHECK_OK(ctx, tr_checkpoint_open(ctx, scratch("x.safetensors.index.json"), &c));
  CHECK(strcmp(tr_checkpoint_format(c), "shards") == 0 &&
        strstr(tr_checkpoint_shard(c, 0), "/x-1.safetensors") &&
        strstr(tr_checkpoint_shard(c, 1), "/x-2.safetensors") && !tr_checkpoint_shard(c, 2) &&
        !tr_checkpoint_shard(c, -1));
  CHECK(first_of(c, NULL, "c.w") == 3 && isnan(first_of(c, NULL, "b.w")));
  tr_checkpoint_close(&c);
  bad_index("{\"weight_map\": {\"z.w\": \"x-1.safetensors\"}}",
            "lacks the tensor 'z.w', which the index puts there");
  bad_index("{\"weight_map\": {\"a.w\": \"x-3.safetensors\"}}", "x-3.safetensors': No such file");
  bad_index("{\"weight_map\": {\"a.w\": \"../x-1.safetensors\"}}", "is no file beside the index");
  bad_index("{\"weight_map\": {\"a.w\": 7}}", "is no file beside the index");
  bad_index("{\"weight_map\": {\"a.w\": \"x.safetensors.index.json\"}}",
            "is an index of shards, not a shard");
  bad_index("{\"weight_map\": {}}", "has no tensors");
  bad_index("{\"weight_map\": []}", "is JSON text");
}

/* ---- damage ---- */

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  (void)user;
  const tr_file_map map = {.data = bytes, .size = size, .path = (char *)"damaged"};
  tr_checkpoint *c;
  tr_status status = tr_checkpoint_read(ctx, &map, &c);
  for (int i = 0; status == TR_OK && tr_checkpoint_set_name(c, i); i++) {
    tr_tensors t;
    if (!tr_checkpoint_set_problem(c, i))
      status = tr_checkpoint_weights(ctx, c, tr_checkpoint_set_name(c, i), &t);
  }
  tr_checkpoint_close(&c);
  return status;
}

/* Files that hold every kind of value. */
static void damaged(void) {
  static const char *const what[] = {"{ema:{module.a.w:T1,module.b._orig_mod.w:T2,n:S3},args:!Namespace{n:%5,"
                                     "t:^int8,o:!E,l:[#1,'two'],d:{a:#1}}}",
                                     "{state_dict:{model.a.w:T1,ema.a.w:@,model.b:B3},ema:[T1,T2],opt:{x:E7},"
                                     "m:!SiT{_parameters:{},_modules:{}}}"};
  for (int i = 0; i < 2; i++) {
    size_t size;
    torch_file_write(scratch("file.pt"), what[i]);
    unsigned char *bytes = read_whole(scratch("file.pt"), &size);
    damage_truncate(ctx, bytes, size, read_damaged, NULL, TR_E_IO);
    damage_flip(ctx, bytes, size, read_damaged, NULL);
    damage_mutate(ctx, bytes, size, 20000, read_damaged, NULL);
    free(bytes);
  }
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  byte_order(); /* while little memory was used */
  keys();
  names();
  parts();
  asked_for();
  in_nobodys_way();
  twice();
  arguments();
  out_of_proportion();
  only_blanks();
  mistaken();
  archives();
  protocols();
  shards();
  damaged();
  tr_ctx_close(&ctx);
  return check_report();
}
