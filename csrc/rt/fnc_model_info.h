/* fnc_model_info.h: how the generated part of a library describes its model to the hand-written. */
#ifndef FNC_MODEL_INFO_H
#define FNC_MODEL_INFO_H

#include "../include/fnc_abi.h"
#include "fnc_cpu.h"

/* The functions of an entry point, for one level of instructions. */
typedef struct fnc_code {
    fnc_entry *run;
    fnc_entry *backward; /* the second half, where `run` is the first, or null */
    fnc_entry *steps;    /* the same over many batches of gathered rows, or null */
    fnc_entry *prepare;  /* to be called when weights have changed, or null */
} fnc_code;

/* Instructions that all entry points are compiled for. */
typedef struct fnc_level {
    const char *name;
    const fnc_cpu *needs;
} fnc_level;

/* One entry point. The batch, where it is open, is the first of its symbols. */
typedef struct fnc_step {
    const fnc_code *code; /* one for each level */
    int64_t prepared_at; /* where in a context's prepared memory its share begins */
    int32_t number;
    int32_t mode;        /* the least mode of a context that may call it */
    int32_t least;       /* the least size it accepts: 1 where a mean over nothing would be taken */
    int32_t trains;      /* does it change weights? */
    int32_t fused;       /* all of a step at once, which knows nothing of frozen weights */
    int32_t reads_state; /* does `prepare` depend on more than weights? */
    int32_t inputs, outputs, symbols;
    const unsigned char *symbol;     /* which of the model's symbols each of its own is */
    const unsigned char *item_bytes; /* of one element of each input, then of each output */
} fnc_step;

typedef struct fnc_span {
    int64_t offset, bytes;
} fnc_span;

/* One weight. */
typedef struct fnc_tensor {
    const char *name;
    int64_t offset, bytes; /* in the weights; bytes for the caller */
    int64_t count, item;   /* elements, and bytes of each in memory */
    int64_t gradient;      /* where the sum of its gradients is in the training state, or -1 */
    int64_t frozen;        /* where it says so, a byte an element */
    int32_t narrow;        /* float for the caller, bfloat16 in memory */
    int32_t listed;        /* is it in the flat array of parameters? */
} fnc_tensor;

/* One dataset of a checkpoint: where it lies in the file, and where in a context. */
typedef struct fnc_piece {
    int64_t file_at, offset, bytes;
    int32_t block; /* FNC_WEIGHTS, FNC_TRAIN, FNC_STATE or FNC_FIXED: known when exported */
    int32_t type;  /* an fnc_h5_type */
    int32_t rank, dims; /* dims: where in `fnc_checkpoint.dims` the extents begin */
    int32_t path;       /* where in `fnc_checkpoint.paths` the path begins */
    int32_t narrow;     /* `bytes` bytes of float in the file are bfloat16 in memory */
} fnc_piece;

enum { FNC_WEIGHTS = 0, FNC_TRAIN = 1, FNC_FIXED = 2, FNC_STATE = 3 };

/* A checkpoint file: `head`, which all files of the model begin with but for the digest, then the
 * pieces in the order of the file, with zeros between them. */
typedef struct fnc_checkpoint {
    int64_t head_at, head_bytes, file_bytes; /* head_at: in the model's data */
    const fnc_piece *pieces;
    int32_t count;
    const int64_t *dims;
    const char *paths;
} fnc_checkpoint;

typedef struct fnc_model {
    const fnc_level *levels; /* the best first */
    int32_t level_count;
    const unsigned char *data; /* weights, training state, state twice, checkpoint head, the rest; null:
                                  in a file */
    int64_t data_bytes;
    const char *hash;
    int64_t weights_bytes, train_at, train_bytes;
    int64_t state_bytes; /* behind the training state: as exported, then as before any call */
    int64_t parts_bytes; /* behind the training state, where steps are done in parts */
    int64_t prepared_bytes; /* of all steps together */
    int32_t symbols;
    int32_t param_item; /* bytes of one flat parameter */
    int64_t param_count;
    const fnc_tensor *tensors;
    int32_t tensor_count;
    const fnc_span *metrics; /* the training state that metrics keep */
    int32_t metric_spans;
    fnc_checkpoint checkpoint;
} fnc_model;

#endif
