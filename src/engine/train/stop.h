/* How a run is asked to end: SIGTERM or SIGINT (a person, a service manager), or the stop file in the run directory (the server; mpirun, which kills
 * a second after SIGTERM). Looked at between steps. */
#ifndef TRAINYARD_ENGINE_TRAIN_STOP_H
#define TRAINYARD_ENGINE_TRAIN_STOP_H

struct job;

void stop_signals_catch(void); /* forgets earlier ones; also ignores SIGPIPE */

/* job_stop_asked: 0 none, 1 checkpoint then stop, 2 stop now. The file is polled a few times a second. */
int job_stop_asked(struct job *job);

#endif
