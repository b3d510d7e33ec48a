/* What the parts of a chain's reader share; for chain*.c alone. */
#ifndef TRAINYARD_CONTRACT_CHAIN_PARTS_H
#define TRAINYARD_CONTRACT_CHAIN_PARTS_H

#include "contract/chain.h"

/* chain_metadata_of: the file's text under that key, "" when it has none. */
const char *chain_metadata_of(const struct safetensors *st, const char *key);

/* chain_files_open: c->files, from the whole one to `path`. After a failure c->count are open. */
int chain_files_open(struct chain *c, const struct world *w, const char *path, struct error *err);

#endif
