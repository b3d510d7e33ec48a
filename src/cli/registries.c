/* Each table is an array of pointers to structs that start with their struct kind, so it can be read as an array of kinds. A new
 * model, codec, ... shows here by itself, through its room's table. */
#include "cli/registries.h"

#include "engine/compress/aggregate.h"
#include "engine/compress/codec.h"
#include "engine/core/loss.h"
#include "engine/data/format/format.h"
#include "engine/data/source/source_kind.h"
#include "engine/data/split/split.h"
#include "engine/eval/calibrate.h"
#include "engine/model/model.h"
#include "engine/optim/optimizer.h"
#include "engine/train/ensemble.h"
#include "engine/train/run.h"
#include "engine/train/settle.h"
#include "engine/train/strategy.h"

#define KINDS(table) ((const struct kind *const *)(table))

const struct registry registry_all = {.kinds = {[SECTION_FORMAT] = KINDS(formats),
                                                [SECTION_SPLIT] = KINDS(splits),
                                                [SECTION_MODEL] = KINDS(models),
                                                [SECTION_OPTIMIZER] = KINDS(optimizers),
                                                [SECTION_STRATEGY] = KINDS(strategies),
                                                [SECTION_LOSS] = KINDS(losses),
                                                [SECTION_CODEC] = KINDS(codecs),
                                                [SECTION_AGGREGATE] = KINDS(aggregates),
                                                [SECTION_CALIBRATION] = KINDS(calibrators),
                                                [SECTION_ENSEMBLE] = KINDS(ensembles)},
                                      .sources = KINDS(sources),
                                      .settle = run_settle,
                                      .check = run_check,
                                      .memory_bytes = run_memory_bytes,
                                      .dataset_files = format_files};
