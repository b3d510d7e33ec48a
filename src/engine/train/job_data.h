/* Opening the data that a spec names. */
#ifndef TRAINYARD_ENGINE_TRAIN_JOB_DATA_H
#define TRAINYARD_ENGINE_TRAIN_JOB_DATA_H

#include "engine/train/job.h"

/* job_open_data: job->dataset, through the block cache in cache_dir (NULL: $TRAINYARD_CACHE, else $XDG_CACHE_HOME/trainyard, else
 * ~/.cache/trainyard). Logs what was read, bad rows too. */
int job_open_data(struct job *job, const char *cache_dir, struct error *err);

/* job_texts_find: texts_find() over the job's data. */
struct value_text;
int job_texts_find(struct job *job, struct value_text *wanted, size_t count, uint64_t text_bytes_max, struct error *err);

#endif
