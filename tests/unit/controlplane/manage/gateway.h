// A control core without DPDK and IKE messages, with the real command line server in front: its
// thread turns like vigild's does, under the clock of the day.
#ifndef VIGIL_TESTS_GATEWAY_H
#define VIGIL_TESTS_GATEWAY_H

#include <pthread.h>
#include <stdatomic.h>

#include "control.h"

#define GATEWAY_PATH 96

struct gateway {
	struct control c;
	char dir[64];
	char socket[GATEWAY_PATH], startup[GATEWAY_PATH], log[GATEWAY_PATH];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t done;
	void (*order)(struct gateway *g, void *arg); // under the lock
	void *arg;
	_Atomic bool stop;
	_Atomic bool started;
	_Atomic uint32_t longest_us; // request_run() that took longest since it was set to 0
	int err;
};

// `text` is the configuration; the files are made in a new directory. NULL: it did not start.
struct gateway *gateway_start(const char *text);
void gateway_stop(struct gateway *g);
// Runs fn on the control core's thread, and waits for it.
void gateway_do(struct gateway *g, void (*fn)(struct gateway *g, void *arg), void *arg);
// Sends a packet through every flow, so that its tunnel comes up; waits until it has.
void gateway_traffic(struct gateway *g);

// The configuration that the tests start from.
extern const char gateway_config[];

#endif
