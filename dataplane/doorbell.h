// How a thread sleeps although others send it something through rings that it polls while it is
// awake. A sender that finds it awake pays a fence and a read of a line that only changes when the
// sleeper lies down or gets up; only one that finds it asleep makes a system call.
//
//   sender                                    sleeper
//   1 puts something into a ring              1 asleep = 1          (doorbell_announce)
//   2 fence                                   2 fence
//   3 asleep 1 -> 2; if so, writes the fd     3 looks into every ring once more
//                                             4 nothing there: polls the fd
//
// Of two fences one is first. If it is the sender's, the sleeper's look (3) comes after it and sees
// what the sender put in. If it is the sleeper's, the sender's read (3) sees asleep set, and the fd
// is or becomes readable, whenever the sleeper gets to (4): an eventfd keeps that until it is read.
// So nothing is put in and slept over. Who reads a 2 comes behind another who writes, or is about
// to: one write is enough for a sleep, however many send meanwhile. A bell that rings too often,
// for somebody who has got up by himself, costs one turn.
#ifndef VIGIL_DATAPLANE_DOORBELL_H
#define VIGIL_DATAPLANE_DOORBELL_H

#include <rte_branch_prediction.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

struct doorbell {
	alignas(64) uint32_t asleep; // the sleeper: 1, and 0 when it is up; who rings first: 2
	int fd;                      // an eventfd; constant
};

// 0 or -errno.
int doorbell_init(struct doorbell *d);
void doorbell_fini(struct doorbell *d);
// Writes the fd, whoever sleeps or not. Any thread.
void doorbell_wake(struct doorbell *d);
// The sleeper, after its poll: the fd is not readable any more. True: it was.
bool doorbell_answer(struct doorbell *d);

// The sleeper: from now on senders ring. It must look at everything that they may have sent after
// this and before it sleeps.
static inline void doorbell_announce(struct doorbell *d)
{
	__atomic_store_n(&d->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// The sleeper is up. Relaxed: who reads it late rings for nothing.
static inline void doorbell_up(struct doorbell *d)
{
	__atomic_store_n(&d->asleep, 0, __ATOMIC_RELAXED);
}

// A sender that has put something in; one call does for all that it put in before.
static inline void doorbell_ring(struct doorbell *d)
{
	uint32_t asleep = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&d->asleep, __ATOMIC_RELAXED) == 1) &&
	    __atomic_compare_exchange_n(&d->asleep, &asleep, 2, false, __ATOMIC_RELAXED,
	                                __ATOMIC_RELAXED))
		doorbell_wake(d);
}

#endif
