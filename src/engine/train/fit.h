/* Fitting: statistics of the training side that rows are looked at through (engine/core/transform.h), made before the first step from the rows of
 * SIDE_TRAIN of the fold's split and no others.
 *
 * Quantiles are exact: counts of ever longer prefixes of the numbers' bits (16, then 8, then 8), integers that no order changes. Means and deviations
 * come block by block, in double, joined in the order of the blocks (Chan et al. 1983): so both are functions of data and split, whatever the
 * workers. */
#ifndef TRAINYARD_ENGINE_TRAIN_FIT_H
#define TRAINYARD_ENGINE_TRAIN_FIT_H

#include "engine/train/fold.h"

/* fit_training_side: fold->params.transforms, one a field of the data set that wants it, and fold->map. Three passes over the blocks where there are
 * quantiles, one where there are none. */
int fit_training_side(struct fold *fold, struct error *err);

/* fit_map: fold->map, of transforms that have been loaded. ERROR_DATA: they are not those that the data set wants. */
int fit_map(struct fold *fold, struct error *err);

#endif
