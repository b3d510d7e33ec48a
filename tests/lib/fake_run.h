/* A stand-in for `trainyard run`, a small shell script that keeps the contract of the run directory (lock, events, stop file, exit codes)
 * and trains nothing. What it does is the job's name:
 *
 *   ok          writes every type of event, succeeds           hold        runs until DIR/go exists (succeeds) or it is asked to stop
 *   crash       kills itself with SIGKILL in each attempt      crash-once  checkpoints, kills itself; its second attempt succeeds
 *   creep       a new checkpoint each attempt, then SIGKILL; succeeds in the sixth
 *   bad-data    prints to run.log and exits 65 without events  diverged    says failed/diverged and exits 70
 *   silent      exits 0 without a final word                   deaf        ignores the stop file and SIGTERM
 *   rubbish     writes a line that is no event                 away        stops on its own (75), then succeeds
 *   flood       300 metric events, one every few ms, then succeeds */
#ifndef TRAINYARD_TESTS_LIB_FAKE_RUN_H
#define TRAINYARD_TESTS_LIB_FAKE_RUN_H

#include "base/world.h"

/* fake_run_write: put the script into dir; its path goes to out. Returns out. */
const char *fake_run_write(const char *dir, char out[PATH_SIZE]);

#endif
