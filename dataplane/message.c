// The two directions between control core and workers: messages out, events in. [C] except where a
// ring's other end is named. Nothing here waits.
#include <errno.h>

#include "idle.h"
#include "link.h"
#include "worker.h"

static bool ring_put(struct worker *w, const struct message *msg)
{
	if (rte_ring_sp_enqueue_elem(w->messages, (void *)(uintptr_t)msg, sizeof(*msg)))
		return false;
	idle_ring(w->dp, w->index);
	return true;
}

static void drain_one(struct dp *dp, unsigned worker)
{
	struct fifo *waiting = &dp->waiting[worker];
	struct message *msg;

	while ((msg = fifo_peek(waiting, sizeof(*msg))) && ring_put(dp->workers[worker], msg))
		fifo_pop(waiting);
}

int message_send(struct dp *dp, unsigned worker, const struct message *msg)
{
	drain_one(dp, worker);
	// Behind those that wait already: order is kept.
	if (dp->waiting[worker].count == 0 && ring_put(dp->workers[worker], msg))
		return 0;
	return fifo_push(&dp->waiting[worker], msg, sizeof(*msg));
}

int message_broadcast(struct dp *dp, const struct message *msg)
{
	int rc = 0;

	for (unsigned i = 0; i < dp->n_workers; i++) {
		int one = message_send(dp, i, msg);

		if (one)
			rc = one;
	}
	return rc;
}

void message_drain(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		if (dp->waiting[i].count)
			drain_one(dp, i);
	control_retry(dp);
}

int dp_event_add(struct dp *dp, const struct dp_event *event)
{
	return fifo_push(&dp->events, event, sizeof(*event));
}

// At most `max` events of one worker that are for the control plane.
static unsigned events_of(struct dp *dp, struct worker *w, struct dp_event *events, unsigned max)
{
	unsigned n = 0;

	while (n < max && rte_ring_sc_dequeue_elem(w->events, &events[n], sizeof(events[n])) == 0) {
		if (control_event(dp, &events[n]))
			n++;
	}
	return n;
}

unsigned dp_events(struct dp *dp, struct dp_event *events, unsigned max)
{
	struct dp_event *own;
	unsigned n = 0;

	message_drain(dp);
	link_poll(dp);
	while (n < max && (own = fifo_peek(&dp->events, sizeof(*own)))) {
		events[n++] = *own;
		fifo_pop(&dp->events);
	}
	// Another worker first every time, so that none is starved by a busy one.
	for (unsigned i = 0; i < dp->n_workers && n < max; i++) {
		unsigned worker = (dp->event_turn + i) % dp->n_workers;

		n += events_of(dp, dp->workers[worker], events + n, max - n);
	}
	dp->event_turn = (dp->event_turn + 1) % dp->n_workers;
	return n;
}
