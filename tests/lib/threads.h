/* struct parallel over plain threads, for tests of rooms that take one: count <= workers tasks run at the same moment. */
#ifndef TRAINYARD_TESTS_LIB_THREADS_H
#define TRAINYARD_TESTS_LIB_THREADS_H

#include "base/parallel.h"

struct parallel threads_parallel(unsigned workers); /* 1 .. 16 */

#endif
