// The queue between helper threads and the control core. request_run() runs on the control core: it
// takes no lock, and one call does at most one slice of one request.
//
// A slot belongs to one helper. `asked` counts its questions, `answered` the answers; they differ
// while the control core owns the slot's request.
#include "request.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apply.h"
#include "control.h"
#include "ike1/ike1.h"

struct request_slot {
	_Atomic uint32_t asked;    // writer: the helper that has the slot
	_Atomic uint32_t answered; // writer: control core
	struct request *request;   // whoever owns the request
	int err;
	sem_t done;
	struct request_queue *queue;
	bool taken; // under the queue's lock
} __attribute__((aligned(64)));

struct request_queue {
	_Atomic uint32_t rung; // questions so far; writers: helpers, by atomic addition
	uint32_t served;       // control core: answers so far
	unsigned turn;         // control core: the slot to look at first
	void *owner;
	int fd;
	pthread_mutex_t lock; // helpers only: `taken` of the slots
	struct request_slot slots[REQUEST_SLOTS];
};

struct request_queue *request_queue_create(void *owner)
{
	struct request_queue *q = aligned_alloc(64, sizeof(*q));

	if (!q)
		return NULL;
	memset(q, 0, sizeof(*q));
	q->owner = owner;
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->fd < 0) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	for (unsigned i = 0; i < REQUEST_SLOTS; i++) {
		sem_init(&q->slots[i].done, 0, 0);
		q->slots[i].queue = q;
	}
	return q;
}

void *request_queue_owner(const struct request_queue *q)
{
	return q->owner;
}

int request_queue_fd(const struct request_queue *q)
{
	return q->fd;
}

void request_queue_destroy(struct request_queue *q)
{
	if (!q)
		return;
	for (unsigned i = 0; i < REQUEST_SLOTS; i++)
		sem_destroy(&q->slots[i].done);
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
	free(q);
}

struct request_slot *request_slot_get(struct request_queue *q)
{
	struct request_slot *s = NULL;

	pthread_mutex_lock(&q->lock);
	for (unsigned i = 0; i < REQUEST_SLOTS && !s; i++)
		if (!q->slots[i].taken)
			s = &q->slots[i];
	if (s)
		s->taken = true;
	pthread_mutex_unlock(&q->lock);
	return s;
}

void request_slot_put(struct request_slot *s)
{
	pthread_mutex_lock(&s->queue->lock);
	s->taken = false;
	pthread_mutex_unlock(&s->queue->lock);
}

static void wake(struct request_queue *q)
{
	const uint64_t one = 1;

	if (write(q->fd, &one, sizeof(one)) < 0)
		return; // full: it is readable already
}

int request_submit(struct request_slot *s, struct request *r)
{
	struct request_queue *q = s->queue;

	r->n = 0;
	r->end = false;
	s->request = r;
	s->err = 0;
	// Release: the request is whole before the control core sees the question.
	atomic_store_explicit(&s->asked, atomic_load_explicit(&s->asked, memory_order_relaxed) + 1,
	                      memory_order_release);
	// Release: whoever sees the bell sees the question.
	atomic_fetch_add_explicit(&q->rung, 1, memory_order_release);
	wake(q);
	while (sem_wait(&s->done) < 0)
		; // EINTR: signals are not for us
	return s->err;
}

static bool slot_waits(const struct request_slot *s)
{
	// Acquire: pairs with the release of the helper.
	return atomic_load_explicit(&s->asked, memory_order_acquire) !=
	       atomic_load_explicit(&s->answered, memory_order_relaxed);
}

// Hands the request back; it must not be touched afterwards.
static void answer(struct request_queue *q, struct request_slot *s, int err)
{
	s->err = err;
	q->served++;
	// sem_post() orders all that was written before it.
	atomic_store_explicit(&s->answered,
	                      atomic_load_explicit(&s->answered, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	sem_post(&s->done);
}

static void set_switch(bool *flag, enum request_switch to)
{
	if (to != REQUEST_KEEP)
		*flag = to == REQUEST_ON;
}

static unsigned order_step(struct control *c, struct request *r)
{
	if (r->kind == REQUEST_APPLY) {
		if (!r->cursor.index++)
			(void)apply_begin(c, r->config, r->changes);
		return apply_step(c) ? REQUEST_STEPS : 0; // the rest in further turns
	}
	if (r->kind == REQUEST_ECHO_SEND) {
		echo_send(c, &r->echo);
		return 0;
	}
	if (r->kind == REQUEST_ECHO_LOOK) {
		echo_look(c, &r->echo);
		return 0;
	}
	set_switch(&c->log.debug_isakmp, r->debug_isakmp);
	set_switch(&c->log.debug_ipsec, r->debug_ipsec);
	return 0;
}

// True if the request is to be handed back.
static bool slice(struct control *c, struct request *r)
{
	unsigned cost = 0, used = 0;

	while (used < REQUEST_STEPS && r->n < REQUEST_VIEWS) {
		if (r->kind < REQUEST_CLEAR_SESSIONS)
			cost = collect_step(c, r);
		else if (r->kind < REQUEST_APPLY)
			cost = ike1_is_jammed(c) ? REQUEST_STEPS : clear_step(c, r);
		else
			cost = order_step(c, r);
		if (!cost) {
			r->end = true;
			return true;
		}
		used += cost;
	}
	return r->n == REQUEST_VIEWS;
}

bool request_run(struct control *c)
{
	struct request_queue *q = c->requests;
	struct request_slot *s;

	// Acquire: pairs with the bell's release. One load a turn while nobody asks.
	if (!q || atomic_load_explicit(&q->rung, memory_order_acquire) == q->served)
		return false;
	for (unsigned i = 0; i < REQUEST_SLOTS; i++) {
		s = &q->slots[(q->turn + i) % REQUEST_SLOTS];
		if (!slot_waits(s))
			continue;
		q->turn = (q->turn + i + 1) % REQUEST_SLOTS;
		if (slice(c, s->request))
			answer(q, s, 0);
		return true;
	}
	return false;
}

void request_refuse_all(struct request_queue *q)
{
	for (unsigned i = 0; i < REQUEST_SLOTS; i++) {
		struct request_slot *s = &q->slots[i];

		if (!slot_waits(s))
			continue;
		// A configuration that is in force already cannot be refused any more.
		answer(q, s,
		       s->request->kind == REQUEST_APPLY && s->request->cursor.index ? 0
		                                                                     : -ESHUTDOWN);
	}
}
