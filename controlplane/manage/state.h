// What the threads of the command line share: the running configuration, sessions, who may change
// the configuration. Helper threads; the control core only in manage_start() and manage_stop().
#ifndef VIGIL_MANAGE_STATE_H
#define VIGIL_MANAGE_STATE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "config.h"
#include "diff.h"
#include "request.h"

struct log;
struct session;

#define SESSIONS_MAX 16

// A configuration that is or was the running one, kept as long as anybody reads it.
struct running {
	struct config *config;
	unsigned refs; // under the state's lock
	bool owned;    // the control core has let go of it
};

enum session_place { PLACE_FREE, PLACE_USED, PLACE_ENDED };

struct manage {
	struct request_queue *queue;
	struct log *log;
	char socket_path[CONFIG_PATH];
	char startup[4096];
	int listen_fd;
	int stop_fd; // eventfd, readable from the moment that everything is to end
	cpu_set_t cpus;
	pthread_t listener;
	struct timespec started;   // monotonic
	pthread_mutex_t save_lock; // who writes the startup file
	pthread_mutex_t lock;      // all below
	struct running *running;
	struct session *writer; // who is in configuration mode, NULL = nobody
	struct {
		enum session_place place;
		pthread_t thread;
		struct session *session; // while PLACE_USED
	} sessions[SESSIONS_MAX];
};

// The running configuration, for reading, until it is put back.
struct running *state_get(struct manage *m);
void state_put(struct manage *m, struct running *r);
// Hands `next` to the control core and makes it the running configuration. Takes `next` over, also
// on failure. The caller is m->writer. 0 or -errno.
int state_apply(struct manage *m, struct request_slot *slot, struct request *r,
                struct config *next);
// Whether `s` may change the configuration from now on; if not, `who` says who does.
bool state_take_writer(struct manage *m, struct session *s, char *who, size_t size);
void state_drop_writer(struct manage *m, struct session *s);

#endif
