/* The registry of this build: the one place that sees every room's table of kinds, handed to spec parser, service and help. */
#ifndef TRAINYARD_CLI_REGISTRIES_H
#define TRAINYARD_CLI_REGISTRIES_H

#include "contract/registry.h"

extern const struct registry registry_all;

#endif
