/* The pickle machine: values it builds, and everything it refuses. Pickles are written out as bytes; what
 * CPython makes of the accepted ones stands in the comments. */
#include "nets/checkpoint/pickle_private.h"

#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/damage.h"

static tr_ctx *ctx;

/* Reads from a heap block of exactly the size, so that AddressSanitizer sees a read outside it. The block
 * lives until the next call. */
static tr_status read_bytes(const void *bytes, size_t size, tr_pickle **out, size_t *consumed) {
  static unsigned char *copy;
  free(copy);
  copy = NULL;
  if (!bytes) return TR_OK;
  copy = malloc(size ? size : 1);
  memcpy(copy, bytes, size);
  const tr_pickle_source source = {.file = "test.pkl", .bytes = copy, .size = size, .base = 1000};
  return tr_pickle_read(ctx, &source, out, consumed);
}

#define READ(text, out) read_bytes(text, sizeof text - 1, out, NULL)
#define REFUSED(text, word)                                                                                  \
  do {                                                                                                       \
    tr_pickle *refused_;                                                                                     \
    CHECK_ERROR(ctx, READ(text, &refused_), TR_E_IO, word);                                                  \
    CHECK(refused_ == NULL);                                                                                 \
  } while (0)

static void plain_values(void) {
  /* {"a": 1, "b": [2.5, None, True, False], "c": (-2, 513, 255, -1), "d": b"xy", "": ()} */
  static const char text[] = "\x80\x02}q\0(X\1\0\0\0aK\1X\1\0\0\0b](G\x40\x04\0\0\0\0\0\0N\x88\x89"
                             "e\x8c\1c(J\xfe\xff\xff\xffM\1\2K\xff"
                             "\x8a\1\xfft\x8c\1dC\2xyX\0\0\0\0)u.after";
  tr_pickle *pickle;
  size_t consumed;
  CHECK_OK(ctx, read_bytes(text, sizeof text - 1, &pickle, &consumed));
  CHECK(consumed == sizeof text - 1 - 5);
  const tr_value *root = tr_pickle_root(pickle);
  CHECK(root->kind == TR_P_DICT && root->as.sequence.n == 5);
  CHECK(tr_value_find(root, "a")->as.integer == 1);
  const tr_value *b = tr_value_find(root, "b"), *c = tr_value_find(root, "c"), *d = tr_value_find(root, "d");
  CHECK(b->kind == TR_P_LIST && b->as.sequence.n == 4 && b->as.sequence.items[0]->as.real == 2.5);
  CHECK(b->as.sequence.items[1]->kind == TR_P_NONE && b->as.sequence.items[2]->as.truth &&
        !b->as.sequence.items[3]->as.truth);
  const int64_t integers[] = {-2, 513, 255, -1};
  CHECK(c->kind == TR_P_TUPLE && c->as.sequence.n == 4);
  for (size_t i = 0; i < 4; i++) CHECK(c->as.sequence.items[i]->as.integer == integers[i]);
  CHECK(d->kind == TR_P_BYTES && tr_text_equals(&d->as.text, "xy"));
  CHECK(tr_value_find(root, "")->kind == TR_P_TUPLE && tr_value_find(root, "e") == NULL &&
        tr_value_find(d, "a") == NULL);
  tr_pickle_close(&pickle);
  CHECK(pickle == NULL);
  tr_pickle_close(&pickle);
}

static int64_t integer(const char *text, size_t size) {
  tr_pickle *pickle;
  CHECK_OK(ctx, read_bytes(text, size, &pickle, NULL));
  int64_t value = pickle ? tr_pickle_root(pickle)->as.integer : 0;
  tr_pickle_close(&pickle);
  return value;
}

static void long_integers(void) {
  CHECK(integer("\x8a\0.", 3) == 0);
  CHECK(integer("\x8a\2\0\x80.", 5) == -32768);
  CHECK(integer("\x8a\6\0\0\0\0\0\1.", 9) == (int64_t)1 << 40);
  CHECK(integer("\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f.", 11) == INT64_MAX);
  CHECK(integer("\x8b\x8\0\0\0\0\0\0\0\0\0\0\x80.", 14) == INT64_MIN);
}

/* Shared through the memo, by number and in order; a list in itself is no danger as long as nobody walks it.
 */
static void memo(void) {
  tr_pickle *pickle;
  CHECK_OK(ctx, READ("\x80\x04\x95\x08\0\0\0\0\0\0\0]\x94h\0ah\0a.", &pickle));
  const tr_value *root = tr_pickle_root(pickle);
  CHECK(root->as.sequence.n == 2 && root->as.sequence.items[0] == root && root->as.sequence.items[1] == root);
  tr_pickle_close(&pickle);
  CHECK_OK(ctx, READ("(K\7r\1\0\0\0j\1\0\0\0h\1t.", &pickle));
  root = tr_pickle_root(pickle);
  CHECK(root->as.sequence.n == 3 && root->as.sequence.items[2]->as.integer == 7);
  tr_pickle_close(&pickle);
}

#define STORAGE(class, count) "(X\7\0\0\0storagectorch\n" class "\nX\1\0\0\0kX\3\0\0\0cpu" count "tQ"
#define TENSOR(storage, offset, shape, stride)                                                               \
  "\x80\x02"                                                                                                 \
  "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset shape stride "\x89"                                  \
  "ccollections\nOrderedDict\n)RtR."

static void tensors(void) {
  tr_pickle *pickle;
  /* FloatStorage of 12; offset 1, shape (2, 3), stride (5, 2): the last element is number 1 + 5 + 4 */
  CHECK_OK(ctx, READ(TENSOR(STORAGE("FloatStorage", "K\x0b"), "K\1", "K\2K\3\x86", "K\5K\2\x86"), &pickle));
  const tr_value *root = tr_pickle_root(pickle);
  CHECK(root->kind == TR_P_TENSOR);
  const tr_pickle_tensor *t = root->as.tensor;
  CHECK(t->ndim == 2 && t->count == 6 && t->offset == 1 && t->shape[0] == 2 && t->shape[1] == 3);
  CHECK(t->stride[0] == 5 && t->stride[1] == 2 && t->storage->count == 11 && t->storage->dtype == TR_F32);
  CHECK(tr_text_equals(&t->storage->key, "k") && tr_pickle_storages(pickle) == t->storage &&
        !t->storage->next);
  tr_pickle_close(&pickle);
  /* no dimensions, and no elements at the end of the storage */
  CHECK_OK(ctx, READ(TENSOR(STORAGE("BFloat16Storage", "K\1"), "K\0", ")", ")"), &pickle));
  CHECK(tr_pickle_root(pickle)->as.tensor->count == 1 &&
        tr_pickle_root(pickle)->as.tensor->storage->dtype == TR_BF16);
  tr_pickle_close(&pickle);
  CHECK_OK(ctx, READ(TENSOR(STORAGE("LongStorage", "K\4"), "K\4", "K\0K\3\x86", "K\3K\1\x86"), &pickle));
  CHECK(tr_pickle_root(pickle)->as.tensor->count == 0);
  tr_pickle_close(&pickle);

  REFUSED(TENSOR(STORAGE("FloatStorage", "K\x0a"), "K\1", "K\2K\3\x86", "K\5K\2\x86"),
          "needs 11 elements, but its storage has 10");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\6", "K\0\x85", "K\1\x85"), "needs 6 elements");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "J\xff\xff\xff\xff", "K\1\x85", "K\1\x85"),
          "without a storage and an offset");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "J\xfe\xff\xff\xff\x85", "K\1\x85"),
          "shape of a tensor holds -2");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\4", "K\5\x85", "J\xff\xff\xff\xff\x85"),
          "stride of a tensor holds -1");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "K\5\x85", "K\1K\1\x86"),
          "1 dimensions has 2 strides");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "K\5", "K\1\x85"),
          "shape of a tensor is not a tuple");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "G\0\0\0\0\0\0\0\0\x85", "K\1\x85"),
          "something else than integers");
#define HUGE "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f"
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", HUGE HUGE "\x86", "K\0K\0\x86"), "overflows");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "K\2\x85", HUGE "\x85"), "overflows");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5"), HUGE, "K\2\x85", "K\1\x85"), "overflows");
  REFUSED(TENSOR(STORAGE("FloatStorage", "J\xff\xff\xff\xff"), "K\0", "K\2\x85", "K\1\x85"),
          "-1 elements makes no sense");
  REFUSED(TENSOR("(X\7\0\0\0storageX\1\0\0\0cX\1\0\0\0kNK\5tQ", "K\0", "K\2\x85", "K\1\x85"),
          "lacks its class, key or size");
  REFUSED(TENSOR("(X\7\0\0\0storagectorch\nSize\nX\1\0\0\0kNK\5tQ", "K\0", "K\2\x85", "K\1\x85"),
          "torch.Size is named as the class of a storage");
  REFUSED(TENSOR("(X\6\0\0\0moduleNNtQ", "K\0", "K\2\x85", "K\1\x85"), "not that of a storage");
  REFUSED(TENSOR("N", "K\0", "K\2\x85", "K\1\x85"), "without a storage");
  REFUSED(TENSOR(STORAGE("FloatStorage", "K\5(X\1\0\0\0vK\0K\1t"), "K\0", "K\2\x85", "K\1\x85"),
          "view of another");
}

static void objects(void) {
  tr_pickle *pickle;
  CHECK_OK(ctx, READ("cargparse\nNamespace\n)\x81}X\1\0\0\0aK\5sb.", &pickle));
  CHECK(tr_pickle_root(pickle)->kind == TR_P_OBJECT &&
        strcmp(tr_pickle_root(pickle)->as.object->made_by, "argparse.Namespace") == 0 &&
        tr_value_find(tr_pickle_root(pickle), "a")->as.integer == 5);
  tr_pickle_close(&pickle);
  CHECK_OK(ctx, READ("\x80\x04\x8c\x0b"
                     "collections\x8c\x0bOrderedDict\x93)R}X\1\0\0\0aK\5sb.",
                     &pickle));
  CHECK(tr_pickle_root(pickle)->kind == TR_P_DICT && tr_pickle_root(pickle)->as.sequence.n == 0);
  tr_pickle_close(&pickle);
  CHECK_OK(ctx, READ("ctorch\nSize\nK\2K\3\x86\x85R.", &pickle));
  CHECK(tr_pickle_root(pickle)->kind == TR_P_TUPLE && tr_pickle_root(pickle)->as.sequence.n == 2);
  tr_pickle_close(&pickle);
  CHECK_OK(ctx, READ("ctorch\nbfloat16\n.", &pickle));
  CHECK(strcmp(tr_pickle_root(pickle)->as.name, "torch.bfloat16") == 0);
  tr_pickle_close(&pickle);
  /* numpy.float64(0), as it stands in an optimiser's state: its eight bytes are missing but one */
  CHECK_OK(ctx,
           READ("cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0f8\x89\x88\x87R(K\3X\1\0\0\0<NNNtb"
                "c_codecs\nencode\nX\1\0\0\0\0X\6\0\0\0latin1\x86R\x86R.",
                &pickle));
  CHECK(tr_pickle_root(pickle)->kind == TR_P_OBJECT);
  tr_pickle_close(&pickle);
}

/* Reads a pickle, compares one text of it, and closes it. */
#define MAKES(text, condition)                                                                               \
  do {                                                                                                       \
    tr_pickle *made_;                                                                                        \
    CHECK_OK(ctx, READ(text, &made_));                                                                       \
    const tr_value *root = made_ ? tr_pickle_root(made_) : NULL;                                             \
    CHECK(root && (condition));                                                                              \
    tr_pickle_close(&made_);                                                                                 \
  } while (0)

#define NUMPY(type, bytes)                                                                                   \
  "\x80\x04"                                                                                                 \
  "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0" type "\x89\x88\x87R(K\3X\1\0\0\0<NNNtb" bytes   \
  "\x86R."

/* Numbers of NumPy are numbers; a byte beyond 127 is two in the text that protocol 2 writes. */
static void numpy_numbers(void) {
  MAKES(NUMPY("i8", "C\10\5\0\0\0\0\0\0\0"), root->kind == TR_P_INT && root->as.integer == 5);
  MAKES(NUMPY("i4", "C\4\xfe\xff\xff\xff"), root->kind == TR_P_INT && root->as.integer == -2);
  MAKES(NUMPY("u1", "C\1\xff"), root->kind == TR_P_INT && root->as.integer == 255);
  MAKES(NUMPY("f8", "C\10\0\0\0\0\0\0\4\x40"), root->kind == TR_P_FLOAT && root->as.real == 2.5);
  MAKES(NUMPY("f4", "C\4\0\0\x20\x40"), root->kind == TR_P_FLOAT && root->as.real == 2.5);
  MAKES(NUMPY("b1", "C\1\1"), root->kind == TR_P_BOOL && root->as.truth);
  MAKES(NUMPY("u8", "C\10\xff\xff\xff\xff\xff\xff\xff\xff"),
        root->kind == TR_P_FLOAT && root->as.real == 18446744073709551616.0);
  MAKES(NUMPY("i2", "c_codecs\nencode\nX\3\0\0\0\xc3\xbe\x7fX\6\0\0\0latin1\x86R"),
        root->kind == TR_P_INT && root->as.integer == 0x7ffe);
  MAKES(NUMPY("i8", "C\3\5\0\0"), root->kind == TR_P_OBJECT); /* too short */
  MAKES(NUMPY("M8", "C\10\5\0\0\0\0\0\0\0"), root->kind == TR_P_OBJECT);
  MAKES(NUMPY("i4", "K\1"), root->kind == TR_P_OBJECT);
  MAKES("cnumpy.core.multiarray\nscalar\n)R.", root->kind == TR_P_OBJECT);
}

static bool made_by(const tr_value *value, const char *name) {
  return value->kind == TR_P_OBJECT && strcmp(value->as.object->made_by, name) == 0;
}

/* What is not known is kept as its name, its arguments and its state, and nothing is called. */
static void opaque_values(void) {
  MAKES("cpathlib\nPosixPath\nX\1\0\0\0aX\1\0\0\0b\x86R.",
        made_by(root, "pathlib.PosixPath") && root->as.object->arguments->as.sequence.n == 2);
  MAKES("\x80\x04\x8c\5posix\x8c\6system\x93\x8c\4ls /\x85R.", made_by(root, "posix.system"));
  MAKES("cbuiltins\neval\n.", root->kind == TR_P_NAME && strcmp(root->as.name, "builtins.eval") == 0);
  MAKES("ccollections\nOrderedDict.fromkeys\n.", root->kind == TR_P_NAME);
  MAKES("c\nN\x01\x1b[31m\n.", strcmp(root->as.name, ".N??[31m") == 0);
  MAKES("c\xff\xc2\x9b\n\xe2\x80\xa8\n.", strcmp(root->as.name, "??.?") == 0);
  MAKES("ctorch\nload\n(tR.", made_by(root, "torch.load"));
  MAKES("(ios\nsystem\n.", made_by(root, "os.system"));
  MAKES("(cm\nC\nK\1o.", made_by(root, "m.C") && root->as.object->arguments->as.sequence.n == 1);
  MAKES("cm\nC\n)}\x92.", made_by(root, "m.C"));
  MAKES("ccopy_reg\n_reconstructor\ncm\nC\nc__builtin__\nobject\nN\x87R}X\1\0\0\0aK\5sb.",
        made_by(root, "m.C") && tr_value_find(root, "a")->as.integer == 5);
  /* the result of a call is called: an object of what made that */
  MAKES("cm\nf\n)R)R.", made_by(root, "m.f"));
  /* items, appended values and a state with slots */
  MAKES("cm\nD\n)R(X\1\0\0\0aK\1X\1\0\0\0aK\2u.", tr_value_find(root, "a")->as.integer == 2);
  MAKES("cm\nL\n)R(K\1K\2eK\3a.", made_by(root, "m.L") && !tr_value_pairs(root));
  MAKES("cm\nS\n)\x81}X\1\0\0\0aK\1s}\x86"
        "b.",
        tr_value_find(root, "a")->as.integer == 1);
  MAKES("cm\nS\n)\x81K\1b.", root->as.object->state->as.integer == 1 && !tr_value_pairs(root));
  MAKES("ctorch\nFloatStorage\n)R.", made_by(root, "torch.FloatStorage"));
  MAKES("ccollections\nOrderedDict\n)\x81.", root->kind == TR_P_DICT);
}

/* Dicts of other kinds, and of pairs; of a key that stands there twice the last value counts. */
static void dicts(void) {
  MAKES("}(X\1\0\0\0aK\1X\1\0\0\0bK\3X\1\0\0\0aK\2u.", tr_value_find(root, "a")->as.integer == 2);
  MAKES("ccollections\nCounter\n}K\7K\1s\x85R.", root->kind == TR_P_DICT && root->as.sequence.n == 1);
  MAKES("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RX\1\0\0\0aK\1s.",
        root->kind == TR_P_DICT && tr_value_find(root, "a")->as.integer == 1);
  MAKES("ccollections\nOrderedDict\n]]X\1\0\0\0aaK\1aa\x85R.", tr_value_find(root, "a")->as.integer == 1);
  REFUSED("ccollections\nOrderedDict\nK\1\x85R.", "make no dict");
  REFUSED("ccollections\nOrderedDict\n]K\1a\x85R.", "no pair");
  /* a copy and what it was made of grow apart */
  MAKES("}q\0K\1K\2sccollections\nCounter\nh\0\x85RK\3K\4sh\0K\5K\6s0\x86.",
        root->as.sequence.items[0]->as.sequence.n == 2 && root->as.sequence.items[1]->as.sequence.n == 2 &&
            root->as.sequence.items[0]->as.sequence.items[2]->as.integer == 5 &&
            root->as.sequence.items[1]->as.sequence.items[2]->as.integer == 3);
}

/* What protocols 0 and 1, Python 2 and sets need. */
static void other_opcodes(void) {
  MAKES("(t.", root->kind == TR_P_TUPLE && root->as.sequence.n == 0); /* before anything stood on the stack */
  MAKES("(l.", root->kind == TR_P_LIST && root->as.sequence.n == 0);
  MAKES("I01\n.", root->kind == TR_P_BOOL && root->as.truth);
  MAKES("I-42\n.", root->as.integer == -42);
  MAKES("L42L\n.", root->as.integer == 42);
  MAKES("L123456789012345678901234567890L\n.", root->kind == TR_P_BIG && root->as.text.size == 30);
  MAKES("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
        root->kind == TR_P_BIG && root->as.text.size == 10);
  MAKES("F2.5\n.", root->kind == TR_P_FLOAT && root->as.real == 2.5);
  MAKES("S'ab'\n.", root->kind == TR_P_TEXT && tr_text_equals(&root->as.text, "ab"));
  MAKES("Vab\n.", tr_text_equals(&root->as.text, "ab"));
  MAKES("U\2ab.", tr_text_equals(&root->as.text, "ab"));
  MAKES("T\2\0\0\0ab.", tr_text_equals(&root->as.text, "ab"));
  MAKES("\x96\2\0\0\0\0\0\0\0ab.", root->kind == TR_P_BYTES && tr_text_equals(&root->as.text, "ab"));
  MAKES("(K\1K\2l.", root->kind == TR_P_LIST && root->as.sequence.n == 2);
  MAKES("(K\1K\2d.", root->kind == TR_P_DICT && root->as.sequence.n == 1);
  MAKES("\x8f(K\1K\2\x90.", root->kind == TR_P_SET && root->as.sequence.n == 2);
  MAKES("(K\1K\2\x91.", root->kind == TR_P_SET && root->as.sequence.n == 2);
  MAKES("K\1K\2"
        "0.",
        root->as.integer == 1);
  MAKES("K\1("
        "0.",
        root->as.integer == 1);
  MAKES("K\1(K\2K\3"
        "1.",
        root->as.integer == 1);
  MAKES("K\1"
        "2\x86.",
        root->as.sequence.items[0] == root->as.sequence.items[1]);
  MAKES("K\7p0\n0g0\n.", root->as.integer == 7);
  REFUSED("Ixy\n.", "whole number does not");
  REFUSED("I\n.", "whole number does not");
  REFUSED("L1x\n.", "whole number does not");
  REFUSED("L\n.", "whole number does not");
  REFUSED("Fx\n.", "hold a number does not");
  REFUSED("F\n.", "hold a number does not");
  REFUSED("Sab\n.", "lacks its quotes");
  REFUSED("S'\n.", "lacks its quotes");
  REFUSED("K\1px\n.", "memo entry is none");
  REFUSED("g-1\n.", "memo entry is none");
  REFUSED("g7\n.", "never set");
  REFUSED("K\1p99\n.", "out of all proportion");
  REFUSED("0.", "stack is empty");
  REFUSED("2.", "stack is empty");
  REFUSED("1.", "no mark");
  REFUSED("(K\1d.", "a key has no value");
  REFUSED("](K\1\x90.", "no set");
  REFUSED("(o.", "no class");
  REFUSED("(K\1o.", "something that is no name is called");
  REFUSED("I1", "cut off");
}

/* Of element types that cannot be read, and of more dimensions than an array has: never in the way. */
static void other_tensors(void) {
  MAKES(TENSOR(STORAGE("CharStorage", "K\5"), "K\0", "K\5\x85", "K\1\x85"),
        root->kind == TR_P_TENSOR && root->as.tensor->dtype == TR_I8 && !root->as.tensor->foreign);
  MAKES(TENSOR(STORAGE("ComplexFloatStorage", "K\5"), "K\0", "K\5\x85", "K\1\x85"),
        root->kind == TR_P_TENSOR && root->as.tensor->foreign);
  MAKES(TENSOR(STORAGE("WhateverStorage", "K\5"), "K\0", "K\5\x85", "K\1\x85"), root->as.tensor->foreign);
  MAKES(TENSOR(STORAGE("FloatStorage", "K\5"), "K\0", "(K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1t"),
        root->kind == TR_P_OBJECT);
#define TYPED(count, type)                                                                                   \
  "ctorch._utils\n_rebuild_tensor_v3\n(" STORAGE("UntypedStorage", count) "K\0K\2\x85K\1\x85\x89N" type "tR" \
                                                                          "."
  MAKES(TYPED("K\4", "ctorch\nuint16\n"), root->as.tensor->dtype == TR_U16 && root->as.tensor->count == 2);
  MAKES(TYPED("K\2", "ctorch\nfloat8_e4m3fn\n"),
        strcmp(root->as.tensor->foreign, "torch.float8_e4m3fn") == 0);
  MAKES(TYPED("K\2", "ctorch\nnew_type\n"), made_by(root, "torch.new_type"));
  REFUSED(TYPED("K\3", "ctorch\nuint16\n"), "needs 2 elements, but its storage has 1");
  REFUSED("ctorch._utils\n_rebuild_tensor_v3\n(" STORAGE("FloatStorage",
                                                         "K\4") "K\0K\2\x85K\1\x85\x89Nctorch\nint8\ntR.",
          "another element type than its storage");
  MAKES("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncm\nT\n(" STORAGE(
            "FloatStorage", "K\5") "K\0K\5\x85K\1\x85\x89NtNtR.",
        root->kind == TR_P_TENSOR && root->as.tensor->count == 5);
  MAKES("ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\ncm\nT\n(K\1tNtR.", made_by(root, "os.system"));
  MAKES("ctorch._utils\n_rebuild_parameter\n(cm\nf\n)R\x89NtR.", made_by(root, "m.f"));
}

/* What refers to something outside the file, or is no pickle; the offset is counted from the base of 1000. */
static void attacks(void) {
  REFUSED("ccollections\nOrderedDict\nK\1R.", "called without a tuple");
  REFUSED("cos\nsystem\nK\1R.", "os.system is called without a tuple");
  REFUSED("K\1)R.", "something that is no name is called");
  REFUSED("K\1}b.", "state is given to something that has none");
  REFUSED("(cos\n", "cut off inside a name");
  REFUSED("(ios\n", "cut off inside a name");
  REFUSED("\x82\1.", "offset 1000: opcode 0x82 (EXT1)");
  REFUSED("N\x97.", "offset 1001: opcode 0x97 (NEXT_BUFFER)");
  REFUSED("Px\n.", "(PERSID)");
  REFUSED("\xff.", "opcode 0xff (no pickle opcode)");
  REFUSED("\x80\x01N.", "protocol 1 ");
  REFUSED("\x80\x06N.", "protocol 6 ");
  REFUSED("\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "past the end");
}

static void broken(void) {
  REFUSED("", "cut off");
  REFUSED("N", "cut off");
  REFUSED(".", "0 values on the stack");
  REFUSED("NN.", "2 values on the stack");
  REFUSED("(N.", "on the stack");
  REFUSED("t.", "no mark");
  REFUSED("\x85.", "stack is empty");
  REFUSED("N(\x85.", "stack is empty");
  REFUSED("Na.", "stack is empty");
  REFUSED("NNa.", "no list");
  REFUSED("NNNs.", "no dict");
  REFUSED("}(Nu.", "a key has no value");
  REFUSED("N(Ne.", "no list");
  REFUSED("](N(e.", "no list");
  REFUSED("h\0.", "never set");
  REFUSED("j\xff\xff\xff\xff.", "never set");
  REFUSED("Nr\xff\xff\xff\xff.", "out of all proportion");
  REFUSED("q\0.", "stack is empty");
  REFUSED("X\xff\xff\xff\xffx.", "cut off: 4294967295 bytes are wanted and 2 are left");
  REFUSED("\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", "cut off");
  REFUSED("\x8b\xff\xff\xff\x7f.", "cut off");
  REFUSED("\x8b\xff\xff\xff\xff.", "cut off");
  REFUSED("G\0\0.", "cut off");
  REFUSED("K\1K\2\x93.", "no text");
  REFUSED("NQ.", "not that of a storage");
}

/* Deep nesting and many values: an error or success, and never a crash or a runaway. */
static void big(void) {
  enum { N = 1 << 20 };
  char *bytes = malloc(N + 1);
  tr_pickle *pickle;
  memset(bytes, '(', N);
  CHECK_ERROR(ctx, read_bytes(bytes, N, &pickle, NULL), TR_E_IO, "nested deeper than 256");
  bytes[0] = 'N';
  memset(bytes + 1, '\x85', N); /* (((...(None,)...),),): built flat, freed flat */
  bytes[N] = '.';
  CHECK_OK(ctx, read_bytes(bytes, N + 1, &pickle, NULL));
  tr_pickle_close(&pickle);
  memset(bytes, ']', N);
  CHECK_ERROR(ctx, read_bytes(bytes, N, &pickle, NULL), TR_E_IO, "cut off");
  free(bytes);

  enum { HUGE_SIZE = 12 << 20 }; /* a value a byte: 256 MiB is soon used up */
  bytes = malloc(HUGE_SIZE);
  memset(bytes, ']', HUGE_SIZE);
  CHECK_ERROR(ctx, read_bytes(bytes, HUGE_SIZE, &pickle, NULL), TR_E_MEM, "too much memory");
  free(bytes);
}

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  (void)user;
  const tr_pickle_source source = {.file = "damaged.pkl", .bytes = bytes, .size = size};
  tr_pickle *pickle;
  tr_status status = tr_pickle_read(ctx, &source, &pickle, NULL);
  tr_pickle_close(&pickle);
  return status;
}

static void damaged(void) {
  static const char text[] = TENSOR(STORAGE("FloatStorage", "K\x0b"), "K\1", "K\2K\3\x86", "K\5K\2\x86");
  const unsigned char *bytes = (const unsigned char *)text;
  damage_truncate(ctx, bytes, sizeof text - 1, read_damaged, NULL, TR_E_IO);
  damage_flip(ctx, bytes, sizeof text - 1, read_damaged, NULL);
  damage_mutate(ctx, bytes, sizeof text - 1, 50000, read_damaged, NULL);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  plain_values();
  long_integers();
  memo();
  tensors();
  objects();
  numpy_numbers();
  opaque_values();
  dicts();
  other_opcodes();
  other_tensors();
  attacks();
  broken();
  big();
  damaged();
  read_bytes(NULL, 0, NULL, NULL);
  tr_ctx_close(&ctx);
  return check_report();
}
